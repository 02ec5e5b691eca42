//! HTTP/1.1 by hand, so that tests see and send every byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::TEST_TIMEOUT;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection to the tracker.
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream =
            timeout(TEST_TIMEOUT, TcpStream::connect(address)).await.expect("in time").expect("connected");
        Self { stream, unread: Vec::new() }
    }

    /// Opens a connection whose receive buffer has little room for answers.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("room");
        let stream =
            timeout(TEST_TIMEOUT, socket.connect(address)).await.expect("in time").expect("connected");
        Self { stream, unread: Vec::new() }
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.get_with(target, "").await
    }

    /// `headers` are lines that end in CR LF.
    pub(crate) async fn get_with(&mut self, target: &str, headers: &str) -> Answer {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: tracker\r\n{headers}\r\n")).await;
        self.answer().await.expect("an answer")
    }

    pub(crate) async fn send(&mut self, bytes: &(impl AsRef<[u8]> + ?Sized)) {
        self.stream.write_all(bytes.as_ref()).await.expect("sent");
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn end(&mut self) {
        self.stream.shutdown().await.expect("ended");
    }

    /// Sends `bytes` again and again, and reads nothing.
    pub(crate) async fn send_until_cut(&mut self, bytes: &str) {
        let sending = async { while self.stream.write_all(bytes.as_bytes()).await.is_ok() {} };
        timeout(TEST_TIMEOUT, sending).await.expect("cut in time");
    }

    /// The next answer; `None` when the tracker closes instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        timeout(TEST_TIMEOUT, self.read_answer(true)).await.expect("an answer or an end in time")
    }

    /// The answer to a HEAD request.
    pub(crate) async fn answer_without_body(&mut self) -> Option<Answer> {
        timeout(TEST_TIMEOUT, self.read_answer(false)).await.expect("an answer or an end in time")
    }

    async fn read_answer(&mut self, with_body: bool) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("text");
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, it)| it);
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        let length = if with_body { length } else { 0 };
        while self.unread.len() < length {
            self.read_more().await?;
        }
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        Some(Answer { status, body: self.unread.drain(..length).collect(), head })
    }

    async fn read_more(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.unread).await.unwrap_or(0);
        (count > 0).then_some(())
    }
}
