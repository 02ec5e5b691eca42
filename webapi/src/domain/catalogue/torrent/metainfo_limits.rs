//! Limits on uploads and downloads under way: one upload a member, the bytes in memory, and how many uploads are parsed
//! at the same time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::id::UserId;

/// Most bytes that all uploads under way hold in memory.
const IN_FLIGHT: usize = 64 << 20;

/// Most bytes of .torrent files that all downloads under way hold in memory until they are sent.
const DOWNLOADS: usize = 64 << 20;

/// Most bytes of one member's downloads; a single larger file is still sent.
const MEMBER_DOWNLOADS: usize = 16 << 20;

/// Bytes that one permit of a semaphore stands for; sizes are rounded up to it.
const UNIT: usize = 4096;

/// Torrents parsed and stored at the same time: each takes a core and up to some hundred MiB.
const PARSED_AT_ONCE: usize = 4;

/// `Retry-After` of a refused upload or download: about the time that one takes.
const RETRY: Duration = Duration::from_secs(5);

/// An upload of this many bytes or files is large: the allocator keeps memory after it, which is worth returning to the
/// system.
const LARGE_BYTES: usize = 1 << 20;
const LARGE_FILES: usize = 5000;

/// The limits, and what is under way.
#[derive(Debug)]
pub struct MetainfoLimits {
    bytes: Arc<Semaphore>,
    parse_permits: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    /// What each member has under way, if anything. Locked for one look-up.
    members: Arc<Mutex<HashMap<UserId, UnderWay>>>,
    /// Notified at the end of each large upload.
    large: Notify,
}

/// What one member has under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct UnderWay {
    upload: bool,
    texts: bool,
    /// Bytes of the member's downloads.
    downloads: usize,
}

/// What a permit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Upload,
    Texts,
}

/// A member's permission to send one upload. Dropping it ends it and frees the bytes counted for it.
#[derive(Debug)]
pub struct UploadPermit {
    member: UserId,
    purpose: Purpose,
    members: Arc<Mutex<HashMap<UserId, UnderWay>>>,
    bytes: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    /// Bytes counted for this upload; `held` has the permits for them.
    asked: usize,
}

/// A download under way; its bytes are counted until this is dropped.
#[derive(Debug)]
pub struct Download {
    member: UserId,
    bytes: usize,
    members: Arc<Mutex<HashMap<UserId, UnderWay>>>,
    _permit: OwnedSemaphorePermit,
}

/// Permission to parse and store one torrent.
#[derive(Debug)]
pub struct ParsePermit {
    _permit: OwnedSemaphorePermit,
}

impl Default for MetainfoLimits {
    fn default() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(IN_FLIGHT / UNIT)),
            parse_permits: Arc::new(Semaphore::new(PARSED_AT_ONCE)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS / UNIT)),
            members: Arc::default(),
            large: Notify::new(),
        }
    }
}

impl MetainfoLimits {
    /// Permits `member` to upload a torrent.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] while another upload of theirs is under way.
    pub fn upload(&self, member: UserId) -> Result<UploadPermit, Error> {
        self.take(member, Purpose::Upload)
            .ok_or_else(|| refusal("another upload of yours is under way; send one torrent after the other"))
    }

    /// Permits to read the texts of an upload of `member` whose file is refused, so that the form can show them again.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] while such texts of another upload of theirs are read.
    pub fn texts(&self, member: UserId) -> Result<UploadPermit, Error> {
        self.take(member, Purpose::Texts).ok_or_else(|| {
            refusal("several uploads of yours are under way; send one torrent after the other")
        })
    }

    fn take(&self, member: UserId, purpose: Purpose) -> Option<UploadPermit> {
        let mut members = self.members.lock();
        let under_way = members.entry(member).or_default();
        if std::mem::replace(under_way.of(purpose), true) {
            return None;
        }
        let (members, bytes) = (Arc::clone(&self.members), Arc::clone(&self.bytes));
        Some(UploadPermit { member, purpose, members, bytes, held: None, asked: 0 })
    }

    /// Counts a download of `bytes` for `member` until the value is dropped.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] when this member's downloads, or those of all, would hold too many bytes.
    pub fn download(&self, member: UserId, bytes: usize) -> Result<Download, Error> {
        let mut members = self.members.lock();
        let held = members.get(&member).map_or(0, |it| it.downloads);
        if held > 0 && held + bytes > MEMBER_DOWNLOADS {
            return Err(refusal("several large downloads of yours are under way; take one after the other"));
        }
        let permits = u32::try_from(bytes.clamp(1, DOWNLOADS).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.downloads)
            .try_acquire_many_owned(permits)
            .map_err(|_| refusal("many large downloads are under way at the moment; try again shortly"))?;
        members.entry(member).or_default().downloads += bytes;
        Ok(Download { member, bytes, members: Arc::clone(&self.members), _permit: permit })
    }

    /// Waits for permission to parse a torrent. To be called after the upload has arrived as a whole, so that a slow
    /// client keeps nobody waiting.
    pub async fn parse_permit(&self) -> Result<ParsePermit, Error> {
        let permit = Arc::clone(&self.parse_permits).acquire_owned().await.map_err(anyhow::Error::from)?;
        Ok(ParsePermit { _permit: permit })
    }

    /// Notes the end of an upload of `bytes` with `files` files, and says whether it was large.
    pub fn finish(&self, bytes: usize, files: usize) -> bool {
        let large = bytes >= LARGE_BYTES || files >= LARGE_FILES;
        if large {
            self.large.notify_one();
        }
        large
    }

    /// Waits for the end of a large upload.
    pub async fn large(&self) {
        self.large.notified().await;
    }
}

impl UnderWay {
    fn of(&mut self, purpose: Purpose) -> &mut bool {
        match purpose {
            Purpose::Upload => &mut self.upload,
            Purpose::Texts => &mut self.texts,
        }
    }
}

impl UploadPermit {
    /// Whether the whole upload is permitted, not only its texts.
    pub fn is_upload(&self) -> bool {
        self.purpose == Purpose::Upload
    }

    /// Counts `bytes` more for this upload.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] when all uploads together would hold too many.
    pub fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.asked += bytes;
        let missing = self.asked.div_ceil(UNIT).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let full = || refusal("many uploads are under way at the moment; try again shortly");
        let missing = u32::try_from(missing).map_err(|_| full())?;
        let more = Arc::clone(&self.bytes).try_acquire_many_owned(missing).map_err(|_| full())?;
        match &mut self.held {
            Some(held) => held.merge(more),
            held => *held = Some(more),
        }
        Ok(())
    }

    /// Frees the bytes counted so far.
    pub fn release(&mut self) {
        self.asked = 0;
        self.held = None;
    }
}

impl Drop for UploadPermit {
    fn drop(&mut self) {
        give_back(&self.members, self.member, |under_way| *under_way.of(self.purpose) = false);
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        give_back(&self.members, self.member, |under_way| under_way.downloads -= self.bytes);
    }
}

/// Changes what `member` has under way, and removes the entry if nothing is left.
fn give_back(members: &Mutex<HashMap<UserId, UnderWay>>, member: UserId, change: impl FnOnce(&mut UnderWay)) {
    let mut members = members.lock();
    if let Some(under_way) = members.get_mut(&member) {
        change(under_way);
        if *under_way == UnderWay::default() {
            members.remove(&member);
        }
    }
}

fn refusal(message: &str) -> Error {
    Error::TooManyRequests { message: message.to_owned(), retry_after: RETRY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_one_upload_at_a_time_and_others_have_theirs() {
        let limits = MetainfoLimits::default();
        let first = limits.upload(UserId(1)).expect("a permit");
        assert!(matches!(limits.upload(UserId(1)), Err(Error::TooManyRequests { .. })));
        let other = limits.upload(UserId(2)).expect("a permit");
        let texts = limits.texts(UserId(1)).expect("to read what was typed");
        assert!(limits.texts(UserId(1)).is_err());
        drop(first);
        drop(limits.upload(UserId(1)).expect("the first is over"));
        drop((other, texts));
        assert!(limits.members.lock().is_empty(), "nothing is kept of members without uploads");
    }

    #[test]
    fn the_bytes_of_all_uploads_are_bounded_and_given_back() {
        let limits = MetainfoLimits::default();
        let mut one = limits.upload(UserId(1)).expect("a permit");
        let mut other = limits.upload(UserId(2)).expect("a permit");
        for _ in 0..IN_FLIGHT / 1000 {
            one.hold(1000).expect("room");
        }
        assert!(matches!(other.hold(1 << 20), Err(Error::TooManyRequests { .. })));
        other.release();
        one.release();
        other.hold(IN_FLIGHT).expect("all of it");
        assert!(one.hold(1).is_err());
        drop(other);
        one.release();
        one.hold(IN_FLIGHT).expect("all of it");
    }

    #[test]
    fn the_bytes_of_downloads_are_bounded_for_each_member_and_for_all() {
        let limits = MetainfoLimits::default();
        let first = limits.download(UserId(1), MEMBER_DOWNLOADS).expect("a member's share");
        assert!(
            matches!(limits.download(UserId(1), 1), Err(Error::TooManyRequests { .. })),
            "above the member's share"
        );
        let others: Vec<Download> = (2..)
            .map_while(|member| limits.download(UserId(member), MEMBER_DOWNLOADS).ok())
            .take(DOWNLOADS / MEMBER_DOWNLOADS)
            .collect();
        assert_eq!(others.len(), DOWNLOADS / MEMBER_DOWNLOADS - 1, "what all together may hold");
        drop(first);
        limits.download(UserId(1), 1).expect("the first has been sent");
        drop(others);
        drop(limits.download(UserId(1), 2 * DOWNLOADS).expect("a single file of any size"));
        assert!(limits.members.lock().is_empty(), "nothing is kept of members without downloads");
    }

    #[tokio::test]
    async fn a_parse_permit_is_free_again_when_it_is_dropped() {
        let limits = MetainfoLimits::default();
        let mut permits = Vec::new();
        for _ in 0..PARSED_AT_ONCE {
            permits.push(limits.parse_permit().await.expect("a permit"));
        }
        let (permit, ()) = tokio::join!(limits.parse_permit(), async { permits.truncate(1) });
        permit.expect("a permit");
    }
}
