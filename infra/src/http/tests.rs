use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{Limits, serve};
use crate::shutdown::Shutdown;

/// Longer than any of it takes.
const STOP_TIMEOUT: Duration = Duration::from_mins(5);

/// Answers with two pieces, the second when `rest` allows it.
fn slow_answer(
    rest: Arc<Semaphore>,
) -> Response<impl hyper::body::Body<Data = Bytes, Error = Infallible> + Unpin> {
    let pieces = futures_util::stream::unfold(0, move |piece| {
        let rest = Arc::clone(&rest);
        async move {
            if piece == 1 {
                rest.acquire().await.expect("it is not closed").forget();
            }
            (piece < 2).then(|| (Ok(Frame::data(Bytes::from(format!("piece {piece}\n")))), piece + 1))
        }
    });
    Response::new(StreamBody::new(Box::pin(pieces)))
}

struct Server {
    address: SocketAddr,
    shutdown: Shutdown,
    /// One for each second piece that may be sent.
    rest: Arc<Semaphore>,
}

impl Server {
    async fn start() -> Self {
        let (shutdown, rest) = (Shutdown::default(), Arc::new(Semaphore::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let limits =
            Limits { max_connections: 10, header_timeout: Duration::from_millis(100), max_header: 8192 };
        let shared = Arc::clone(&rest);
        let service = move |_| {
            let rest = Arc::clone(&shared);
            service_fn(move |_: Request<Incoming>| {
                let answer = slow_answer(Arc::clone(&rest));
                async move { Ok::<_, Infallible>(answer) }
            })
        };
        shutdown.spawn(serve(listener, limits, shutdown.clone(), service));
        Self { address, shutdown, rest }
    }

    /// A client that has sent a part of its header.
    async fn slow_client(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        // It may be cut before it has sent anything.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHo").await;
        stream
    }

    /// A client whose answer has begun, and what has come of it. One whose header came too late asks again.
    async fn answered_client(&self) -> (TcpStream, Vec<u8>) {
        loop {
            let mut stream = TcpStream::connect(self.address).await.expect("connected");
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let mut answer = vec![0; 1];
            if stream.read_exact(&mut answer).await.is_ok() {
                return (stream, answer);
            }
        }
    }
}

/// All that comes until the server closes.
async fn rest_of(mut stream: TcpStream, mut answer: Vec<u8>) -> String {
    // What is cut while it sends may be reset.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_a_slow_client_is_not() {
    let server = Server::start().await;
    let (stream, answer) = server.answered_client().await;
    // It came later, and has waited for as long as a client may when it is cut.
    let slow = server.slow_client().await;
    assert_eq!(rest_of(slow, Vec::new()).await, "");
    server.rest.add_permits(1);
    let answer = rest_of(stream, answer).await;
    assert!(answer.contains("piece 0\n") && answer.contains("piece 1\n"), "{answer}");
    assert!(server.shutdown.finish(STOP_TIMEOUT).await);
}

#[tokio::test]
async fn a_stop_lets_an_answer_end() {
    let server = Server::start().await;
    let (stream, answer) = server.answered_client().await;
    let finished = async {
        while TcpStream::connect(server.address).await.is_ok() {}
        server.rest.add_permits(1);
        rest_of(stream, answer).await
    };
    let (finished, answer) = tokio::join!(server.shutdown.finish(STOP_TIMEOUT), finished);
    assert!(finished && answer.contains("piece 1\n"), "{answer}");
    assert!(TcpStream::connect(server.address).await.is_err());
}
