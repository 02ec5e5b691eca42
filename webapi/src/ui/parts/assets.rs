//! `/static/…`: style sheets and scripts, compiled into the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::auth::needs::NOTHING;
use crate::error::Error;
use crate::routes::Routes;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $media_type:literal) => {
        Asset {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../static/", $name)),
        }
    };
}

static ASSETS: [Asset; 13] = [
    asset!("confirm.js", "text/javascript; charset=utf-8"),
    asset!("copy.js", "text/javascript; charset=utf-8"),
    asset!("draft.js", "text/javascript; charset=utf-8"),
    asset!("favicon.svg", "image/svg+xml"),
    asset!("forms.js", "text/javascript; charset=utf-8"),
    asset!("icons.svg", "image/svg+xml"),
    asset!("live.js", "text/javascript; charset=utf-8"),
    asset!("logo.svg", "image/svg+xml"),
    asset!("once.js", "text/javascript; charset=utf-8"),
    asset!("send.js", "text/javascript; charset=utf-8"),
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("time.js", "text/javascript; charset=utf-8"),
    asset!("upload.js", "text/javascript; charset=utf-8"),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for asset in &ASSETS {
        hasher.update(asset.name.as_bytes());
        hasher.update(asset.bytes);
    }
    hasher.finalize().to_hex()[..12].to_owned()
});

/// The routes of the static files.
pub fn routes() -> Routes {
    Routes::new().page(Method::GET, "/static/{name}", NOTHING, get(show))
}

/// A hash of all static files. Their addresses contain it, so that browsers may cache them for ever.
pub fn version() -> &'static str {
    &VERSION
}

async fn show(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let asset = ASSETS.iter().find(|it| it.name == name).ok_or(Error::NotFound("page"))?;
    let tag = format!("\"{}\"", version());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|it| it.split(',').any(|it| it.trim().trim_start_matches("W/") == tag));
    let fixed = [
        (header::ETAG, HeaderValue::try_from(tag).map_err(anyhow::Error::from)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Ok((fixed, asset.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_static_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../static");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("static")
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.file_type().expect("a type").is_file())
            .map(|entry| entry.file_name().into_string().expect("a name"))
            .collect();
        files.sort();
        assert_eq!(files, ASSETS.each_ref().map(|it| it.name));
    }
}
