//! JSON-RPC 2.0 over HTTP.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

/// Calls one method.
pub(super) async fn call(
    http: &reqwest::Client,
    url: &str,
    method: &str,
    arguments: Value,
) -> anyhow::Result<Value> {
    let request = json!({ "jsonrpc": "2.0", "id": "1", "method": method, "params": arguments });
    // aria2 sends errors with status 400 and a body of the same form.
    let answer: Answer = http.post(url).json(&request).send().await?.json().await?;
    if let Some(fault) = answer.error {
        bail!("{method}: {}", fault.message);
    }
    answer.result.with_context(|| format!("the answer to {method} lacks a result"))
}
