//! XML-RPC: the part of it that rtorrent needs.

use std::fmt::Write as _;

use data_encoding::BASE64;
use roxmltree::{Document, Node, ParsingOptions};

use crate::Error;

/// Deepest nesting of values in an answer; the answers that are asked for nest five deep.
const MAX_DEPTH: usize = 16;

/// Most elements and texts of an answer; each takes some 100 bytes of memory.
const MAX_NODES: u32 = 4_000_000;

/// A value: an argument or a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `<i8>`; read from `<i4>`, `<int>`, `<boolean>` and `<ex.i8>`, too.
    Int(i64),
    /// `<string>`
    Text(String),
    /// `<base64>`
    Bytes(Vec<u8>),
    /// `<array>`
    List(Vec<Value>),
    /// `<struct>`
    Struct(Vec<(String, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Value {
    /// The value as a number, also if it is a text with digits; 0 if it is no number.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(int) => *int,
            Self::Text(text) => text.parse().unwrap_or_default(),
            _ => 0,
        }
    }

    /// [`Value::int`], with 0 for negative numbers.
    pub fn count(&self) -> u64 {
        self.int().try_into().unwrap_or_default()
    }

    /// The value as text; empty if it is no text.
    pub fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// The values of a list; none if it is no list.
    pub fn list(&self) -> &[Value] {
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
                // Writing to a string does not fail.
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

    /// Reads `<value>`, in which values may nest `depth` deep.
    fn read(node: Node<'_, '_>, depth: usize) -> Result<Self, Error> {
        let unreadable = |words: String| Error::Unreadable(words);
        let depth = depth.checked_sub(1).ok_or_else(|| unreadable("its values nest too deep".to_owned()))?;
        let Some(inner) = node.children().find(Node::is_element) else {
            return Ok(Self::Text(text_of(node)));
        };
        Ok(match inner.tag_name().name() {
            "i4" | "i8" | "int" | "boolean" | "ex.i8" => {
                let number = text_of(inner).trim().parse();
                Self::Int(number.map_err(|error: std::num::ParseIntError| unreadable(error.to_string()))?)
            }
            "string" => Self::Text(text_of(inner)),
            "base64" => {
                let text: String = text_of(inner).split_whitespace().collect();
                Self::Bytes(BASE64.decode(text.as_bytes()).map_err(|error| unreadable(error.to_string()))?)
            }
            "array" => {
                let values = child(inner, "data")?.children().filter(Node::is_element);
                Self::List(values.map(|value| Self::read(value, depth)).collect::<Result<_, _>>()?)
            }
            "struct" => {
                let members = inner.children().filter(Node::is_element);
                let field = |member| {
                    let value = Self::read(child(member, "value")?, depth)?;
                    Ok::<_, Error>((text_of(child(member, "name")?), value))
                };
                Self::Struct(members.map(field).collect::<Result<_, _>>()?)
            }
            other => return Err(unreadable(format!("a value is of the unknown type {other}"))),
        })
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Result<Node<'a, 'i>, Error> {
    let found = node.children().find(|child| child.has_tag_name(name));
    found.ok_or_else(|| Error::Unreadable(format!("it lacks the element {name}")))
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
            // A bare one would be read as a line feed (XML 1.0, section 2.11).
            '\r' => xml.push_str("&#13;"),
            other => xml.push(other),
        }
    }
}

/// The body of a call of `method`, a name without special characters.
pub fn request(method: &str, arguments: &[Value]) -> Vec<u8> {
    let mut xml = format!("<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>");
    for argument in arguments {
        xml.push_str("<param>");
        argument.write(&mut xml);
        xml.push_str("</param>");
    }
    xml.push_str("</params></methodCall>");
    xml.into_bytes()
}

/// Parses the body of an answer.
///
/// # Errors
/// [`Error::Refused`] for a fault, [`Error::Unreadable`] for anything but an answer.
pub fn response(body: &[u8]) -> Result<Value, Error> {
    let xml = std::str::from_utf8(body).map_err(|error| Error::Unreadable(error.to_string()))?;
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(xml, options).map_err(|error| Error::Unreadable(error.to_string()))?;
    let root = document.root_element();
    if let Ok(node) = child(root, "fault") {
        return Err(fault(&Value::read(child(node, "value")?, MAX_DEPTH)?));
    }
    let param = child(child(root, "params")?, "param")?;
    Value::read(child(param, "value")?, MAX_DEPTH)
}

/// The arguments of `system.multicall`.
pub(crate) fn multicall(calls: Vec<(&str, Vec<Value>)>) -> Value {
    let calls = calls.into_iter().map(|(method, arguments)| {
        Value::Struct(vec![
            ("methodName".to_owned(), method.into()),
            ("params".to_owned(), Value::List(arguments)),
        ])
    });
    Value::List(calls.collect())
}

/// The answers to the single calls in the answer to `system.multicall`.
pub(crate) fn answers(answer: &Value) -> Vec<Result<Value, Error>> {
    let answers = answer.list().iter().map(|answer| match answer.list() {
        [value] => Ok(value.clone()),
        _ => Err(fault(answer)),
    });
    answers.collect()
}

fn fault(value: &Value) -> Error {
    let words = value.field("faultString").map_or("an error without words", Value::text);
    Error::Refused(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fault as rtorrent 0.9.8 sends it.
    const FAULT: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<methodResponse>\r\n<fault>\r\n<value><struct>\r\n\
        <member><name>faultCode</name>\r\n<value><i4>-501</i4></value></member>\r\n<member><name>faultString</name>\r\n\
        <value><string>Unsupported target type found.</string></value></member>\r\n</struct></value>\r\n</fault>\r\n\
        </methodResponse>\r\n";

    fn answer(value: &str) -> Vec<u8> {
        format!("<methodResponse><params><param>{value}</param></params></methodResponse>").into_bytes()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let value = Value::List(vec![
            Value::Int(-7),
            "a <b> & \"c\" ü\r\n".into(),
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
        let error = response(FAULT).unwrap_err().to_string();
        assert!(error.ends_with("Unsupported target type found."), "{error}");
    }

    #[test]
    fn half_an_answer_is_an_error() {
        let whole = answer("<value><i8>1</i8></value>");
        for end in 0..whole.len() {
            assert!(response(&whole[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn values_that_nest_too_deep_are_refused() {
        let nested = |depth: usize| {
            let (open, close) = ("<value><array><data>", "</data></array></value>");
            response(&answer(&[open.repeat(depth), close.repeat(depth)].concat()))
        };
        assert!(nested(MAX_DEPTH).is_ok());
        assert!(nested(MAX_DEPTH + 1).is_err());
        assert!(nested(100_000).is_err());
    }

    #[test]
    fn one_call_of_several_may_fail() {
        let xml = "<value><array><data><value><array><data><value><i8>0</i8></value></data></array></value>\
            <value><struct><member><name>faultString</name><value><string>no</string></value></member></struct>\
            </value></data></array></value>";
        let answers = answers(&response(&answer(xml)).unwrap());
        assert_eq!(*answers[0].as_ref().unwrap(), Value::Int(0));
        assert!(answers[1].as_ref().unwrap_err().to_string().ends_with("no"));
    }
}
