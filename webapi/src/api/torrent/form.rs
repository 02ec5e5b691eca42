//! The multipart form of an upload, for pages and API alike.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::Guard;
use crate::domain::torrent::text::{DESCRIPTION_LEN, EXTENDED_LEN, Typed};
use crate::domain::torrent::upload::{Upload, check_size};
use crate::error::Error;

/// Bytes of the whole request. It is read to the end though no more than a .torrent file may have is kept: a browser
/// shows an answer only once it was allowed to send everything.
pub const MAX_BODY: usize = 64 << 20;

/// Bytes of a text field: a description of 4-byte characters, and the object.
const MAX_TEXT: usize = 4 * DESCRIPTION_LEN + EXTENDED_LEN;

/// An upload with the file's own size, which may be more than was kept.
#[derive(Debug, Default)]
pub struct Form {
    upload: Upload,
    file_size: usize,
}

impl Form {
    /// Reads all fields. With `guard`, the first of them must be `csrf` and right.
    pub async fn read(app: &App, mut multipart: Multipart, guard: Option<&Guard>) -> Result<Self, Error> {
        if let Some(guard) = guard {
            let first = multipart.next_field().await?;
            let token = match first.filter(|it| it.name() == Some("csrf")) {
                Some(field) => text(field).await?,
                None => String::new(),
            };
            guard.verify(&token)?;
        }
        let mut form = Self::default();
        while let Some(field) = multipart.next_field().await? {
            let typed = &mut form.upload.typed;
            match field.name() {
                Some("torrent") => {
                    let limit = app.config.webapi.upload_max_bytes;
                    (form.upload.file, form.file_size) = file(field, limit).await?;
                }
                Some("title") => typed.title = text(field).await?,
                Some("description") => typed.description = text(field).await?,
                Some("extended") => typed.extended = text(field).await?,
                _ => {}
            }
        }
        Ok(form)
    }

    /// What was typed, for showing the form again.
    pub fn typed(&self) -> &Typed {
        &self.upload.typed
    }

    /// The upload, unless its file is too large.
    pub fn finish(self, app: &App) -> Result<Upload, Error> {
        check_size(app, self.file_size)?;
        Ok(self.upload)
    }
}

async fn file(mut field: Field<'_>, limit: usize) -> Result<(Vec<u8>, usize), Error> {
    let mut bytes = Vec::new();
    let mut size = 0;
    while let Some(chunk) = field.chunk().await? {
        size += chunk.len();
        if size <= limit {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok((bytes, size))
}

async fn text(mut field: Field<'_>) -> Result<String, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        if bytes.len() + chunk.len() > MAX_TEXT {
            return Err(Error::TooLarge(format!("a text field is larger than {MAX_TEXT} bytes; shorten it")));
        }
        bytes.extend_from_slice(&chunk);
    }
    // Browsers send line ends as the network's.
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

impl From<MultipartRejection> for Error {
    fn from(_: MultipartRejection) -> Self {
        Self::MediaType("send the upload as multipart/form-data, with the file in the field `torrent`")
    }
}

impl From<MultipartError> for Error {
    fn from(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge("the upload is too large".to_owned()),
            _ => Self::BadRequest(format!("the upload cannot be read: {}", error.body_text())),
        }
    }
}
