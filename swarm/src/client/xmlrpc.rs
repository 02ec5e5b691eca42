//! XML-RPC, as much of it as rtorrent needs, over SCGI.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use data_encoding::BASE64;
use roxmltree::{Document, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A value of XML-RPC: an argument, or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Vec<(String, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Value {
    /// The number, also where it stands in words; 0 where there is none.
    pub(super) fn int(&self) -> i64 {
        match self {
            Self::Int(int) => *int,
            Self::Text(text) => text.parse().unwrap_or_default(),
            _ => 0,
        }
    }

    /// A number that is none below 0.
    pub(super) fn count(&self) -> u64 {
        self.int().try_into().unwrap_or_default()
    }

    /// The text; empty where there is none.
    pub(super) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// What is listed; nothing where there is no list.
    pub(super) fn list(&self) -> &[Value] {
        if let Self::List(list) = self { list } else { &[] }
    }

    fn field(&self, name: &str) -> Option<&Value> {
        let Self::Struct(fields) = self else { return None };
        fields.iter().find(|field| field.0 == name).map(|field| &field.1)
    }

    fn write(&self, xml: &mut String) {
        xml.push_str("<value>");
        match self {
            Self::Int(int) => {
                // A String takes everything.
                let _ = write!(xml, "<i8>{int}</i8>");
            }
            Self::Text(text) => {
                xml.push_str("<string>");
                escape(text, xml);
                xml.push_str("</string>");
            }
            Self::Bytes(bytes) => {
                xml.push_str("<base64>");
                BASE64.encode_append(bytes, xml);
                xml.push_str("</base64>");
            }
            Self::List(list) => {
                xml.push_str("<array><data>");
                for value in list {
                    value.write(xml);
                }
                xml.push_str("</data></array>");
            }
            Self::Struct(fields) => {
                xml.push_str("<struct>");
                for (name, value) in fields {
                    xml.push_str("<member><name>");
                    escape(name, xml);
                    xml.push_str("</name>");
                    value.write(xml);
                    xml.push_str("</member>");
                }
                xml.push_str("</struct>");
            }
        }
        xml.push_str("</value>");
    }

    /// Reads `<value>`. What the answer nests is what we asked for.
    fn read(node: Node<'_, '_>) -> anyhow::Result<Self> {
        let Some(inner) = node.children().find(Node::is_element) else {
            return Ok(Self::Text(text_of(node)));
        };
        Ok(match inner.tag_name().name() {
            "i4" | "i8" | "int" | "boolean" | "ex.i8" => Self::Int(text_of(inner).trim().parse()?),
            "string" => Self::Text(text_of(inner)),
            "base64" => {
                Self::Bytes(BASE64.decode(text_of(inner).split_whitespace().collect::<String>().as_bytes())?)
            }
            "array" => {
                let data = child(inner, "data")?;
                Self::List(
                    data.children().filter(Node::is_element).map(Self::read).collect::<Result<_, _>>()?,
                )
            }
            "struct" => {
                let members = inner.children().filter(Node::is_element);
                let field = |member| {
                    anyhow::Ok((text_of(child(member, "name")?), Self::read(child(member, "value")?)?))
                };
                Self::Struct(members.map(field).collect::<Result<_, _>>()?)
            }
            other => bail!("an XML-RPC value is of the unknown type {other}"),
        })
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> anyhow::Result<Node<'a, 'i>> {
    node.children()
        .find(|child| child.has_tag_name(name))
        .with_context(|| format!("an XML-RPC answer lacks {name}"))
}

fn text_of(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

fn escape(text: &str, xml: &mut String) {
    for char in text.chars() {
        match char {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            other => xml.push(other),
        }
    }
}

/// Calls one method of a program that listens on the loopback.
pub(super) async fn call(port: u16, method: &str, arguments: &[Value]) -> anyhow::Result<Value> {
    let request = request(method, arguments);
    let answer = tokio::time::timeout(PATIENCE, exchange(port, &request)).await;
    let answer = answer.with_context(|| format!("{method}: no answer within {} s", PATIENCE.as_secs()))??;
    response(&answer).with_context(|| method.to_owned())
}

/// Calls several methods in one exchange. Each answer is its own; an error is one call's alone.
pub(super) async fn calls(
    port: u16,
    list: Vec<(&str, Vec<Value>)>,
) -> anyhow::Result<Vec<anyhow::Result<Value>>> {
    let list = list.into_iter().map(|(method, arguments)| {
        Value::Struct(vec![
            ("methodName".to_owned(), method.into()),
            ("params".to_owned(), Value::List(arguments)),
        ])
    });
    let answers = call(port, "system.multicall", &[Value::List(list.collect())]).await?;
    let answers = answers.list().iter().map(|answer| match answer.list() {
        [value] => Ok(value.clone()),
        _ => Err(fault(answer)),
    });
    Ok(answers.collect())
}

fn request(method: &str, arguments: &[Value]) -> Vec<u8> {
    let mut xml = format!("<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>");
    for argument in arguments {
        xml.push_str("<param>");
        argument.write(&mut xml);
        xml.push_str("</param>");
    }
    xml.push_str("</params></methodCall>");
    let headers = format!("CONTENT_LENGTH\0{}\0SCGI\x001\0", xml.len());
    format!("{}:{headers},{xml}", headers.len()).into_bytes()
}

async fn exchange(port: u16, request: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn response(answer: &[u8]) -> anyhow::Result<Value> {
    let at = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .context("the answer breaks off in its headers")?;
    let xml = std::str::from_utf8(&answer[at + 4..])?;
    let document = Document::parse(xml)?;
    let root = document.root_element();
    if let Ok(node) = child(root, "fault") {
        return Err(fault(&Value::read(child(node, "value")?)?));
    }
    let param = child(child(root, "params")?, "param")?;
    Value::read(child(param, "value")?)
}

fn fault(value: &Value) -> anyhow::Error {
    anyhow::anyhow!("{}", value.field("faultString").map_or("an error without words", Value::text))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Of rtorrent 0.9.8.
    const FAULT: &[u8] = b"Status: 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 310\r\n\r\n\
        <?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<methodResponse>\r\n<fault>\r\n<value><struct>\r\n\
        <member><name>faultCode</name>\r\n<value><i4>-501</i4></value></member>\r\n<member><name>faultString</name>\r\n\
        <value><string>Unsupported target type found.</string></value></member>\r\n</struct></value>\r\n</fault>\r\n\
        </methodResponse>\r\n";

    fn answer(value: &str) -> Vec<u8> {
        let xml = format!("<methodResponse><params><param>{value}</param></params></methodResponse>");
        format!("Status: 200 OK\r\n\r\n{xml}").into_bytes()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let value = Value::List(vec![
            Value::Int(-7),
            "a <b> & \"c\" ü".into(),
            "".into(),
            Value::Bytes(vec![0, 255, 10]),
            Value::Struct(vec![("na<me".to_owned(), Value::List(Vec::new()))]),
        ]);
        let mut xml = String::new();
        value.write(&mut xml);
        assert_eq!(response(&answer(&xml)).unwrap(), value);
    }

    #[test]
    fn an_untyped_value_is_a_string() {
        assert_eq!(response(&answer("<value>5 &amp; 6</value>")).unwrap(), "5 & 6".into());
    }

    #[test]
    fn a_fault_is_an_error_in_its_words() {
        assert_eq!(response(FAULT).unwrap_err().to_string(), "Unsupported target type found.");
    }

    #[test]
    fn half_an_answer_is_an_error() {
        let whole = answer("<value><i8>1</i8></value>");
        for end in 0..whole.len() {
            assert!(response(&whole[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_request_is_a_netstring_of_headers_and_the_body() {
        let request = String::from_utf8(request("d.stop", &["A".into()])).unwrap();
        let (length, rest) = request.split_once(':').unwrap();
        let (headers, body) = rest.split_at(length.parse().unwrap());
        let body = body.strip_prefix(',').unwrap();
        assert_eq!(headers, format!("CONTENT_LENGTH\0{}\0SCGI\x001\0", body.len()));
        assert!(body.contains("<methodName>d.stop</methodName>"), "{body}");
    }

    #[tokio::test]
    async fn one_call_of_several_may_fail() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            let xml = "<value><array><data><value><array><data><value><i8>0</i8></value></data></array></value>\
                <value><struct><member><name>faultString</name><value><string>no</string></value></member></struct>\
                </value></data></array></value>";
            stream.write_all(&answer(xml)).await.unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        };
        let (answers, asked) = tokio::join!(
            calls(port, vec![("d.stop", vec!["A".into()]), ("d.erase", vec!["A".into()])]),
            server
        );
        let answers = answers.unwrap();
        assert_eq!(*answers[0].as_ref().unwrap(), Value::Int(0));
        assert_eq!(answers[1].as_ref().unwrap_err().to_string(), "no");
        assert!(asked.contains("system.multicall") && asked.contains("d.erase"), "{asked}");
    }
}
