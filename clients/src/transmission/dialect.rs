//! The two dialects of Transmission's RPC. The rest of this crate uses the names of the new one.

use serde_json::{Value, json};

use crate::Error;

/// A dialect, in which requests and answers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Up to 4.0, and still accepted by 4.1: `torrent-add` with `download-dir`; fields of torrents such as
    /// `hashString`.
    #[default]
    Old,
    /// JSON-RPC 2.0, from 4.1 on: `torrent_add` with `download_dir`; fields of torrents such as `hash_string`.
    New,
}

impl Dialect {
    /// The dialect for the RPC version of a daemon, "6.0.0" for 4.1. Older daemons send none.
    pub(super) fn of(rpc_version: Option<&str>) -> Self {
        let major = rpc_version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        if major >= Some(6) { Self::New } else { Self::Old }
    }

    /// A request in this dialect; `method` and `params` have the names of the new one.
    pub(super) fn request(self, method: &str, params: &Value) -> Value {
        if self == Self::New {
            return json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 });
        }
        let mut arguments = serde_json::Map::new();
        for (name, value) in params.as_object().into_iter().flatten() {
            let value = match value.as_array() {
                Some(fields) if name == "fields" => fields.iter().map(|it| field(method, it)).collect(),
                _ => value.clone(),
            };
            arguments.insert(name.replace('_', "-"), value);
        }
        json!({ "method": method.replace('_', "-"), "arguments": arguments })
    }

    /// The result of an answer in this dialect, with the names of the new one.
    pub(super) fn result(self, method: &str, mut answer: Value) -> Result<Value, Error> {
        let refused = |words: &str| Error::Refused(format!("{method}: {words}"));
        match self {
            Self::New => {
                let error = &answer["error"];
                if !error.is_null() {
                    let words = error["data"]["error_string"].as_str().or(error["message"].as_str());
                    return Err(refused(words.unwrap_or("an error without words")));
                }
                let result = answer.get_mut("result").map(Value::take);
                result.ok_or_else(|| Error::Unreadable(format!("{method}: an answer without a result")))
            }
            Self::Old => match answer["result"].as_str() {
                Some("success") => {
                    Ok(in_snake_case(answer.get_mut("arguments").map(Value::take).unwrap_or_default()))
                }
                Some(words) => Err(refused(words)),
                None => Err(Error::Unreadable(format!("{method}: an answer without a result"))),
            },
        }
    }
}

/// A field's name in the old dialect: camel case in `torrent-get` (`hashString`), hyphens elsewhere (`rpc-version`).
fn field(method: &str, name: &Value) -> Value {
    let Some(name) = name.as_str() else { return name.clone() };
    if method != "torrent_get" {
        return name.replace('_', "-").into();
    }
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel.into()
}

/// Renames keys such as `hashString` and `torrent-added` to `hash_string` and `torrent_added`. The recursion is
/// bounded, as `serde_json` reads at most 128 levels.
fn in_snake_case(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(in_snake_case).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (snake(&name), in_snake_case(value))).collect()
        }
        other => other,
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        match letter {
            '-' => snake.push('_'),
            'A'..='Z' => {
                snake.push('_');
                snake.push(letter.to_ascii_lowercase());
            }
            other => snake.push(other),
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_says_its_dialect() {
        assert_eq!(Dialect::of(None), Dialect::Old);
        assert_eq!(Dialect::of(Some("5.4.0")), Dialect::Old);
        assert_eq!(Dialect::of(Some("6.0.0")), Dialect::New);
        assert_eq!(Dialect::of(Some("10.1.0")), Dialect::New);
        assert_eq!(Dialect::of(Some("nonsense")), Dialect::Old);
    }

    #[test]
    fn an_old_daemon_is_asked_in_its_words() {
        let params = json!({ "ids": ["aa"], "fields": ["hash_string", "left_until_done", "name"] });
        let expected = json!({
            "method": "torrent-get",
            "arguments": { "ids": ["aa"], "fields": ["hashString", "leftUntilDone", "name"] },
        });
        assert_eq!(Dialect::Old.request("torrent_get", &params), expected);
        let asked = Dialect::Old.request("session_get", &json!({ "fields": ["rpc_version"] }));
        assert_eq!(asked["arguments"]["fields"], json!(["rpc-version"]));
        let asked = Dialect::Old.request("torrent_add", &json!({ "download_dir": "/a_b" }));
        assert_eq!(asked["arguments"], json!({ "download-dir": "/a_b" }));
    }

    #[test]
    fn answers_are_the_same_in_both_dialects() {
        let old = json!({
            "result": "success",
            "arguments": { "torrent-added": { "hashString": "aa", "id": 1, "name": "a-B" } },
        });
        let new = json!({
            "jsonrpc": "2.0", "id": 1,
            "result": { "torrent_added": { "hash_string": "aa", "id": 1, "name": "a-B" } },
        });
        let expected = json!({ "torrent_added": { "hash_string": "aa", "id": 1, "name": "a-B" } });
        assert_eq!(Dialect::Old.result("torrent_add", old).unwrap(), expected);
        assert_eq!(Dialect::New.result("torrent_add", new).unwrap(), expected);
    }

    #[test]
    fn refusals_are_in_the_daemon_s_words() {
        let old = json!({ "result": "invalid or corrupt torrent file", "arguments": {} });
        let said = Dialect::Old.result("torrent_add", old).unwrap_err().to_string();
        assert!(said.ends_with("torrent_add: invalid or corrupt torrent file"), "{said}");
        let new = json!({ "jsonrpc": "2.0", "id": 1, "error": {
            "code": 4, "message": "Unrecognized info", "data": { "error_string": "unrecognized info" },
        } });
        let said = Dialect::New.result("torrent_add", new).unwrap_err().to_string();
        assert!(said.ends_with("torrent_add: unrecognized info"), "{said}");
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error() {
        for dialect in [Dialect::Old, Dialect::New] {
            for answer in [json!([]), json!(null), json!(7), json!("text"), json!({})] {
                assert!(dialect.result("torrent_add", answer.clone()).is_err(), "{dialect:?}: {answer}");
            }
        }
    }
}
