//! `/demo/static/…`: style and scripts, compiled in.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        ($name, $media_type, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/static/", $name)))
    };
}

/// Files: name, media type, content.
const ASSETS: [(&str, &str, &str); 7] = [
    asset!("control.js", SCRIPT),
    asset!("demo.css", STYLE),
    asset!("demo.js", SCRIPT),
    asset!("graph.js", SCRIPT),
    asset!("labels.js", SCRIPT),
    asset!("maps.js", SCRIPT),
    asset!("words.js", SCRIPT),
];

pub(super) async fn show(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, media_type, text)) => ([(header::CONTENT_TYPE, *media_type)], *text).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::ASSETS;

    #[test]
    fn every_file_of_static_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/static");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("static")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        files.sort();
        assert_eq!(files, ASSETS.map(|(name, ..)| name));
    }
}
