use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{Limits, serve};
use crate::shutdown::Shutdown;

const TIMEOUT: Duration = Duration::from_millis(100);

/// Answers with two pieces, between which it takes longer than clients are given.
async fn slow_answer(
    _: Request<Incoming>,
) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible> + Unpin>, Infallible> {
    let pieces = futures_util::stream::unfold(0, |piece| async move {
        if piece == 1 {
            sleep(4 * TIMEOUT).await;
        }
        (piece < 2).then(|| (Ok(Frame::data(Bytes::from(format!("piece {piece}\n")))), piece + 1))
    });
    Ok(Response::new(StreamBody::new(Box::pin(pieces))))
}

async fn start(shutdown: &Shutdown) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let limits = Limits { max_connections: 10, header_timeout: TIMEOUT, max_header: 8192 };
    shutdown.spawn(serve(listener, limits, shutdown.clone(), |_| service_fn(slow_answer)));
    address
}

/// Sends `request` and returns all that comes until the server closes.
async fn converse(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_a_slow_client_is_not() {
    let shutdown = Shutdown::default();
    let address = start(&shutdown).await;
    let answer = converse(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.contains("piece 0\n") && answer.contains("piece 1\n"), "{answer}");
    assert_eq!(converse(address, "GET / HTTP/1.1\r\nHo").await, "");
    assert!(shutdown.finish(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_stop_lets_an_answer_end() {
    let shutdown = Shutdown::default();
    let address = start(&shutdown).await;
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let mut answer = vec![0; 1];
    stream.read_exact(&mut answer).await.expect("the answer begins");
    assert!(shutdown.finish(Duration::from_secs(10)).await);
    stream.read_to_end(&mut answer).await.expect("the rest");
    assert!(String::from_utf8_lossy(&answer).contains("piece 1\n"));
    assert!(TcpStream::connect(address).await.is_err());
}
