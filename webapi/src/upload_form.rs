//! Uploads, for pages and API alike: reads the multipart form within limits, and stores the torrent.

mod flow;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::Request;
use axum::http::header;
use deadpool_postgres::Object;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::app::App;
use crate::auth::Guard;
use crate::db::catalogue::change::Change;
use crate::domain::catalogue::torrent::changes;
use crate::domain::catalogue::torrent::metainfo_limits::UploadPermit;
use crate::domain::catalogue::torrent::text::{DESCRIPTION_LEN, Typed, extended};
use crate::domain::catalogue::torrent::upload::{
    MaxUpload, Ready, Refusal, Stored, Upload, check_size, existing,
};
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::TorrentId;
use flow::Flow;

/// Most bytes of the whole request. It is read to its end even if the file is too large to be kept: browsers show an
/// answer only after they have sent everything.
pub const MAX_BODY: usize = 64 << 20;

/// Lowest accepted speed of a body, in bytes a second.
pub const SLOWEST: usize = 16 << 10;

/// Most bytes of all text fields: a description of 4-byte characters, and the extended information.
const MAX_TEXT: usize = 4 * DESCRIPTION_LEN + extended::TYPED_LEN;

/// Most bytes of the field with the CSRF token.
const MAX_CSRF: usize = 200;

/// Longest time for which the body of a refused upload is read.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// Smallest step by which the file's buffer grows, in bytes.
const GROWTH: usize = 256 << 10;

/// A form that was read, with the file's size, which may be more than was kept.
#[derive(Debug, Default)]
pub struct Form {
    upload: Upload,
    file_size: usize,
    /// Why the file was not kept, if it was not.
    refused: Option<Error>,
}

impl Form {
    /// Reads all fields; the bytes kept are counted by `permit`. With `guard`, the first field must be `csrf` and have
    /// the right token.
    ///
    /// # Errors
    /// [`Error::SlowBody`] for a body slower than [`SLOWEST`], [`Error::BadRequest`] for one that cannot be read.
    pub async fn read(
        app: &App,
        request: Request,
        guard: Option<&Guard>,
        permit: &mut UploadPermit,
    ) -> Result<Self, Error> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(|_| {
            Error::MediaType("send the upload as multipart/form-data, with the file in the field `torrent`")
        })?;
        let flow = Flow::default();
        let body = flow.watch(request.into_body());
        let mut multipart = Multipart::with_constraints(body, boundary, constraints());
        tokio::select! {
            form = fields(app, &mut multipart, guard, permit, &flow) => form,
            () = flow.becomes_slow() => Err(Error::SlowBody(flow::SLOW)),
        }
    }

    /// Reads the body of a refused upload and discards it, because most clients read no answer before they have sent
    /// everything. A client that sent `Expect: 100-continue` waits for the answer, so its body is not read.
    pub async fn refuse(request: Request) {
        if !request.headers().contains_key(header::EXPECT) {
            flow::discard(request.into_body(), MAX_BODY, DISCARD_TIME).await;
        }
    }

    /// The texts typed, to show the form again.
    pub fn typed(&self) -> &Typed {
        &self.upload.typed
    }

    /// The upload; an error if its file is too large or was not kept.
    pub fn finish(self, app: &App) -> Result<Upload, Error> {
        match self.refused {
            Some(refused) => Err(refused),
            None => check_size(self.file_size, app.config.webapi.upload_max_bytes).map(|()| self.upload),
        }
    }
}

/// Permission for `member` to upload a torrent, to be asked for before the body is read.
///
/// # Errors
/// [`Error::TooManyRequests`] while another upload of theirs is under way, and after too many on one day.
pub async fn admit(app: &App, member: &Member) -> Result<UploadPermit, Error> {
    let permit = app.metainfo_limits.upload(member.id)?;
    let client = app.connection().await?;
    changes::check(&client, member.id, Change::Upload, app.config.webapi.uploads_per_day).await?;
    Ok(permit)
}

/// Checks and stores an upload of `member`, whose [`UploadPermit`] must be held meanwhile.
///
/// # Errors
/// See [`Refusal`].
pub async fn store(app: &App, member: &Member, upload: Upload) -> Result<Stored, Refusal> {
    let webapi = &app.config.webapi;
    let max = MaxUpload {
        bytes: webapi.upload_max_bytes,
        tokens: webapi.upload_max_tokens,
        per_day: webapi.uploads_per_day,
    };
    let ready = upload.check(&app.metainfo_limits, &max).await?;
    let mut client = app.connection().await?;
    let id = insert(&mut client, member, &ready, max.per_day).await;
    if app.metainfo_limits.finish(ready.info_bytes(), ready.file_count()) {
        // Closed, not returned to the pool: a connection keeps buffers as large as its largest statement.
        drop(Object::take(client));
    }
    Ok(Stored { id: id?, hashes: ready.hashes(), redownload: ready.redownload(&app.announce_urls, member) })
}

/// Attempts to insert a torrent that is there and gone in turn.
const INSERTS: usize = 3;

async fn insert(
    client: &mut Object,
    member: &Member,
    ready: &Ready,
    per_day: u32,
) -> Result<TorrentId, Refusal> {
    // Another torrent with the same info hash may be deleted after an insert has failed because of it.
    for _ in 0..INSERTS {
        let transaction = client.transaction().await?;
        if let Some(id) = ready.insert(&transaction, member.id, per_day).await? {
            transaction.commit().await?;
            return Ok(id);
        }
        transaction.rollback().await?;
        if let Some((id, title)) = existing(&*client, &ready.hashes()).await? {
            return Err(Refusal::Exists { id, title });
        }
    }
    let message = "this torrent is being deleted at the moment; upload it once more".to_owned();
    Err(Error::Conflict { code: "being_deleted", message }.into())
}

fn constraints() -> Constraints {
    let text = MAX_TEXT as u64;
    let limit = SizeLimit::new()
        .whole_stream(MAX_BODY as u64)
        .per_field(text)
        .for_field("csrf", MAX_CSRF as u64)
        .for_field("title", text)
        .for_field("description", text)
        .for_field("extended", text)
        .for_field("torrent", MAX_BODY as u64);
    Constraints::new().size_limit(limit)
}

async fn fields(
    app: &App,
    multipart: &mut Multipart<'_>,
    guard: Option<&Guard>,
    permit: &mut UploadPermit,
    flow: &Flow,
) -> Result<Form, Error> {
    if let Some(guard) = guard {
        let first = multipart.next_field().await.map_err(unreadable)?;
        let token = match first.filter(|it| it.name() == Some("csrf")) {
            Some(field) => text(field, permit, flow).await?,
            None => String::new(),
        };
        guard.verify(&token)?;
    }
    let mut form = Form::default();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
        flow.header_is_read();
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            // A second one would replace the first, or take memory that nobody counts.
            "torrent" | "title" | "description" | "extended" if !seen.insert(name.clone()) => {
                return Err(Error::BadRequest(format!("the form has two fields {name}: send one")));
            }
            "torrent" => file(&mut form, field, app.config.webapi.upload_max_bytes, permit, flow).await?,
            "title" | "description" | "extended" => {
                let text = text(field, permit, flow).await?;
                texts.insert(name, text);
            }
            _ => skip(field, flow).await?,
        }
    }
    let mut take = |name: &str| texts.remove(name).unwrap_or_default();
    form.upload.typed =
        Typed { title: take("title"), description: take("description"), extended: take("extended") };
    Ok(form)
}

/// Reads the file to its end, even if it is not kept.
async fn file(
    form: &mut Form,
    mut field: Field<'_>,
    limit: usize,
    permit: &mut UploadPermit,
    flow: &Flow,
) -> Result<(), Error> {
    form.upload.file = Vec::new();
    form.file_size = 0;
    while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
        flow.consume(chunk.len());
        form.file_size += chunk.len();
        if form.refused.is_some() || !permit.is_upload() {
            continue;
        }
        let kept = &mut form.upload.file;
        if form.file_size > limit {
            *kept = Vec::new();
        } else if let Err(full) = permit.hold(chunk.len()) {
            *kept = Vec::new();
            permit.release();
            form.refused = Some(full);
        } else {
            if kept.capacity() - kept.len() < chunk.len() {
                // By itself the vector would double its capacity, which nobody counts.
                kept.reserve_exact(chunk.len().max(GROWTH).max(kept.len() / 8));
            }
            kept.extend_from_slice(&chunk);
        }
    }
    Ok(())
}

async fn text(mut field: Field<'_>, permit: &mut UploadPermit, flow: &Flow) -> Result<String, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
        flow.consume(chunk.len());
        permit.hold(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    // Browsers send line ends as CR LF.
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

async fn skip(mut field: Field<'_>, flow: &Flow) -> Result<(), Error> {
    while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
        flow.consume(chunk.len());
    }
    Ok(())
}

fn unreadable(problem: multer::Error) -> Error {
    match problem {
        multer::Error::FieldSizeExceeded { limit, .. } => {
            Error::TooLarge(format!("a field of the form is larger than {limit} bytes; shorten it"))
        }
        multer::Error::StreamSizeExceeded { .. } => Error::TooLarge("the upload is too large".to_owned()),
        problem => Error::BadRequest(format!("the upload cannot be read: {problem}")),
    }
}
