//! The hashes of all pieces, on all cores.

use std::fs;
use std::iter;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use bt::create::{Layout, PieceHashes};
use rustix::fs::Advice;

use super::Event;
use super::found::File;

/// Bytes that a thread reads at once: few enough to stay in a core's cache until they are hashed.
const READ: usize = 256 << 10;
/// Bytes of the pieces that a thread takes at once: enough for the disk to read ahead.
const SHARE: u64 = 4 << 20;

/// Reads and hashes every piece. `files` are those of the layout, in its order.
pub(super) fn all_pieces(
    layout: &Layout,
    files: &[File],
    watch: &(dyn Fn(Event<'_>) + Sync),
) -> anyhow::Result<Vec<PieceHashes>> {
    let pieces = layout.pieces();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pieces);
    let at_once = usize::try_from(SHARE / layout.piece_length()).unwrap_or(1);
    // Eight shares a thread at least, so that none waits long for another at the end.
    let shares = Shares {
        size: at_once.min(pieces / (threads * 8).max(1)).max(1),
        pieces,
        next: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
    };
    let mut hashes = vec![PieceHashes::UNKNOWN; pieces];
    thread::scope(|scope| {
        let work = || {
            let result = Worker::new(layout, files, watch).run(&shares);
            if result.is_err() {
                shares.failed.store(true, Ordering::Relaxed);
            }
            result
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let share = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
            for (piece, hash) in share {
                hashes[piece] = hash;
            }
        }
        Ok(hashes)
    })
}

/// The pieces that are not taken yet.
struct Shares {
    /// Pieces that a thread takes at once.
    size: usize,
    pieces: usize,
    next: AtomicUsize,
    /// Whether a thread failed, so that the others stop.
    failed: AtomicBool,
}

impl Shares {
    /// The next pieces for a thread; none at the end.
    fn take(&self) -> Option<Range<usize>> {
        let from = self.next.fetch_add(self.size, Ordering::Relaxed);
        let left = from < self.pieces && !self.failed.load(Ordering::Relaxed);
        left.then(|| from..self.pieces.min(from + self.size))
    }
}

/// One thread's buffer and the file that it has open.
struct Worker<'a> {
    layout: &'a Layout,
    files: &'a [File],
    watch: &'a (dyn Fn(Event<'_>) + Sync),
    buffer: Vec<u8>,
    open: Option<(usize, fs::File)>,
}

impl<'a> Worker<'a> {
    fn new(layout: &'a Layout, files: &'a [File], watch: &'a (dyn Fn(Event<'_>) + Sync)) -> Self {
        Self { layout, files, watch, buffer: vec![0; READ], open: None }
    }

    fn run(&mut self, shares: &Shares) -> anyhow::Result<Vec<(usize, PieceHashes)>> {
        iter::from_fn(|| shares.take()).flatten().map(|piece| Ok((piece, self.hash(piece)?))).collect()
    }

    fn hash(&mut self, piece: usize) -> anyhow::Result<PieceHashes> {
        let mut hasher = self.layout.hasher(piece);
        for span in self.layout.spans(piece) {
            let file = match self.open.take() {
                Some((index, file)) if index == span.file => file,
                _ => open(&self.files[span.file])?,
            };
            let mut done = 0;
            while done < span.length {
                let length = usize::try_from(span.length - done).map_or(READ, |left| left.min(READ));
                let part = &mut self.buffer[..length];
                file.read_exact_at(part, span.offset + done)
                    .map_err(|error| self.files[span.file].broken(&error))?;
                hasher.update(part);
                done += length as u64;
                (self.watch)(Event::Hashed(length as u64));
            }
            self.open = Some((span.file, file));
        }
        Ok(hasher.finish())
    }
}

fn open(file: &File) -> anyhow::Result<fs::File> {
    let open = file.open()?;
    // Some file systems do not support advice.
    let _ = rustix::fs::fadvise(&open, 0, None, Advice::Sequential);
    Ok(open)
}
