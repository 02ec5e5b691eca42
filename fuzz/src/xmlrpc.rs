//! Answers of rtorrent: a parsed value is written so that it is read again as an equal one.

use clients::xmlrpc::{Value, request, response};

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "<value>",
    "</value>",
    "<i8>",
    "</i8>",
    "<string>",
    "</string>",
    "<base64>",
    "</base64>",
    "<array><data>",
    "</data></array>",
    "<struct><member><name>",
    "</name>",
    "</member></struct>",
    "<![CDATA[",
    "]]>",
    "&#13;",
    "&amp;",
    "<!--",
    "-->",
    "<fault>",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
];

/// Checks `data` as the body of an answer.
pub fn check(data: &[u8]) {
    let (value, held) = memory::peak(|| response(data));
    // Elements and texts take some 100 bytes each, the shortest four bytes of XML.
    assert!(held <= 4096 + data.len() * 64, "{held} bytes held");
    let Ok(value) = value else { return };
    assert_eq!(response(&answer(&value)).ok().as_ref(), Some(&value));
}

/// The answer with `value`, made of a call with it as its argument.
fn answer(value: &Value) -> Vec<u8> {
    let call = String::from_utf8(request("a", std::slice::from_ref(value))).expect("XML is text");
    call.replacen("<methodName>a</methodName>", "", 1).replace("methodCall>", "methodResponse>").into_bytes()
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let text = Value::from("a & b < c\r\n\u{fc}");
    let list = Value::List(vec![Value::Int(i64::MIN), text.clone(), Value::Bytes(vec![0, 255])]);
    let all = Value::Struct(vec![("name".to_owned(), list), (String::new(), Value::List(Vec::new()))]);
    let mut seeds: Vec<_> = [text, all].iter().map(answer).collect();
    seeds.push(
        b"<?xml version=\"1.0\"?>\r\n<methodResponse><fault><value><struct><member><name>faultString</name><value>\
          <string>no</string></value></member></struct></value></fault></methodResponse>"
            .to_vec(),
    );
    seeds
}
