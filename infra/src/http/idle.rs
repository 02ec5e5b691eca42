//! Ends connections whose client neither sends nor reads anything, with one timer for each connection instead of one
//! for each request.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Number of checks of a connection within its timeout.
const LOOKS: u32 = 4;

/// Counts the progress of one connection. Only its own task writes to it, so that an addition is a load and a store.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests whose answer is not complete: 0 or 1.
    busy: AtomicU32,
    /// Grows with each answer and each write that the client accepts.
    events: AtomicU32,
}

/// Counts a request as under way until the body of its answer is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Activity {
    pub(super) fn begin(this: &Arc<Self>) -> Busy {
        this.busy.store(this.busy.load(Relaxed).wrapping_add(1), Relaxed);
        Busy(Arc::clone(this))
    }

    fn happened(&self) {
        self.events.store(self.events.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.store(self.0.busy.load(Relaxed).wrapping_sub(1), Relaxed);
        self.0.happened();
    }
}

/// Counts the checks in a row without any progress since the check before.
#[derive(Debug)]
pub(super) struct IdleTimer {
    step: Duration,
    /// Created when the connection first waits, since one that closes after its request needs none.
    tick: Option<Pin<Box<Sleep>>>,
    seen: u32,
    quiet: u32,
}

impl IdleTimer {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { step: timeout / LOOKS, tick: None, seen: 0, quiet: 0 }
    }

    /// Ready after the timeout, or up to a quarter of it more, without any progress.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>, activity: &Activity) -> Poll<()> {
        let step = self.step;
        let tick = self.tick.get_or_insert_with(|| Box::pin(sleep(step)));
        while tick.as_mut().poll(cx).is_ready() {
            let events = activity.events.load(Relaxed);
            let waiting = activity.busy.load(Relaxed) == 0 && events == self.seen;
            self.quiet = if waiting { self.quiet + 1 } else { 0 };
            self.seen = events;
            if self.quiet >= LOOKS {
                return Poll::Ready(());
            }
            tick.as_mut().reset(Instant::now() + step);
        }
        Poll::Pending
    }
}

/// A stream or body that notes its progress in an [`Activity`].
#[derive(Debug)]
pub(super) struct Watched<T, A> {
    inner: T,
    activity: A,
}

impl Watched<TokioIo<TcpStream>, Arc<Activity>> {
    pub(super) fn stream(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { inner: TokioIo::new(stream), activity }
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.activity.happened();
        }
        written
    }
}

impl<B> Watched<B, Busy> {
    pub(super) fn body(body: B, busy: Busy) -> Self {
        Self { inner: body, activity: busy }
    }
}

impl Read for Watched<TokioIo<TcpStream>, Arc<Activity>> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl Write for Watched<TokioIo<TcpStream>, Arc<Activity>> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Does nothing: hyper closes the stream right afterwards, which also closes the sending side and saves a system
    /// call.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl<B: Body + Unpin> Body for Watched<B, Busy> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
