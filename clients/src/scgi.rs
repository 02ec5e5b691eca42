//! A client of SCGI: each request, a netstring of headers and a body, has a connection of its own.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use url::Url;

use crate::Error;
use crate::http::MAX_ANSWER;

/// The address of an SCGI server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Host and port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

impl Address {
    /// The address in `scgi://HOST:PORT` or `scgi:///PATH/TO/SOCKET`.
    pub(crate) fn of(url: &Url) -> Result<Self, Error> {
        let wrong = || Error::Url("write scgi://HOST:PORT or scgi:///PATH/TO/SOCKET".to_owned());
        match (url.host_str().filter(|host| !host.is_empty()), url.port()) {
            // In a URL, an IPv6 address is in brackets.
            (Some(host), Some(port)) => Ok(Self::Tcp(host.replace(['[', ']'], ""), port)),
            (None, None) if url.path().len() > 1 => {
                let path = percent_decode_str(url.path()).decode_utf8().map_err(|_| wrong())?;
                Ok(Self::Unix(PathBuf::from(&*path)))
            }
            _ => Err(wrong()),
        }
    }

    /// Sends a request with this body and returns the body of the answer.
    ///
    /// # Errors
    /// Also if the answer takes longer than `limit` or has more than [`MAX_ANSWER`] bytes.
    pub(crate) async fn exchange(&self, body: &[u8], limit: Duration) -> Result<Vec<u8>, Error> {
        let exchange = async {
            match self {
                Self::Tcp(host, port) => talk(TcpStream::connect((host.as_str(), *port)).await?, body).await,
                Self::Unix(path) => talk(UnixStream::connect(path).await?, body).await,
            }
        };
        let answer = timeout(limit, exchange).await.map_err(|_| Error::TimedOut)??;
        without_headers(answer)
    }
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, body: &[u8]) -> Result<Vec<u8>, Error> {
    stream.write_all(&head(body.len())).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX).saturating_add(1);
    stream.take(limit).read_to_end(&mut answer).await?;
    if answer.len() > MAX_ANSWER { Err(Error::TooLong) } else { Ok(answer) }
}

/// The headers of a request, for a body of `length` bytes.
fn head(length: usize) -> Vec<u8> {
    let headers = format!("CONTENT_LENGTH\0{length}\0SCGI\x001\0");
    format!("{}:{headers},", headers.len()).into_bytes()
}

/// The body of an answer, which begins with headers as in CGI, such as `Status: 200 OK`.
fn without_headers(mut answer: Vec<u8>) -> Result<Vec<u8>, Error> {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n");
    let end = end.ok_or_else(|| Error::Unreadable("it breaks off in its headers".to_owned()))?;
    Ok(answer.split_off(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_netstring_of_headers_and_the_body() {
        let head = String::from_utf8(head(7)).unwrap();
        let (length, headers) = head.split_once(':').unwrap();
        let headers = headers.strip_suffix(',').unwrap();
        assert_eq!(length.parse(), Ok(headers.len()));
        assert_eq!(headers, "CONTENT_LENGTH\x007\0SCGI\x001\0");
    }

    #[test]
    fn an_address_is_a_port_or_a_socket() {
        let of = |url: &str| Address::of(&url.parse().unwrap());
        assert_eq!(of("scgi://localhost:5000").unwrap(), Address::Tcp("localhost".to_owned(), 5000));
        assert_eq!(of("scgi://[::1]:5000").unwrap(), Address::Tcp("::1".to_owned(), 5000));
        assert_eq!(of("scgi:///run/a%20b.sock").unwrap(), Address::Unix("/run/a b.sock".into()));
        for url in ["scgi://localhost", "scgi:///", "scgi:"] {
            assert!(of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn headers_are_cut_off() {
        let answer = b"Status: 200 OK\r\nContent-Length: 1\r\n\r\nx\r\n\r\n".to_vec();
        assert_eq!(without_headers(answer).unwrap(), b"x\r\n\r\n");
        assert!(without_headers(b"Status: 200 OK\r\n".to_vec()).is_err());
    }
}
