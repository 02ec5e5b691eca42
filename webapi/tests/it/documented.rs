//! Holds each answer of the API to the description of its operation.

use std::sync::LazyLock;

use reqwest::{Method, StatusCode, header};
use serde_json::Value;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(webapi::api::openapi::document()).expect("the document is JSON"));

/// Panics for an answer that the operation at `path` does not document.
pub(crate) fn check(
    method: &Method,
    path: &str,
    status: StatusCode,
    headers: &header::HeaderMap,
    body: &[u8],
) {
    let Some(operation) = operation(method, path) else { return };
    let place = format!("{method} {path}: {status}");
    let answer = &operation["responses"][status.as_str()];
    assert!(!answer.is_null(), "{place} is not documented");
    let Some(content) = answer["content"].as_object() else {
        assert!(body.is_empty(), "{place} has a body that is not documented");
        return;
    };
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default();
    let schema = &content.get(media_type).unwrap_or_else(|| panic!("{place} is {media_type:?}"))["schema"];
    if media_type == "application/json" {
        let body: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{place} is no JSON"));
        if let Err(problem) = fits(schema, &body) {
            panic!("{place}: {problem} in {body}");
        }
    }
}

/// The operation that a path belongs to; one without parameters goes before.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let name = method.as_str().to_lowercase();
    let paths = DOCUMENT["paths"].as_object()?;
    if let Some(item) = paths.get(path) {
        return item.get(&name);
    }
    let parts: Vec<&str> = path.split('/').collect();
    let (_, item) = paths.iter().find(|(template, _)| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len()
            && template.iter().zip(&parts).all(|(a, b)| a.starts_with('{') || a == b)
    })?;
    item.get(&name)
}

/// Whether `value` is what `schema` says: references, choices, types, properties and what is required of them.
fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/components/schemas/");
        let component = &DOCUMENT["components"]["schemas"][name];
        assert!(!component.is_null(), "{reference} is not in the document");
        return fits(component, value);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().try_for_each(|it| fits(it, value));
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[key].as_array() {
            let fitting = choices.iter().any(|it| fits(it, value).is_ok());
            return fitting.then_some(()).ok_or_else(|| format!("{value} is none of {schema}"));
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(it) if it.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Err(format!("{value} is none of {words:?}"));
    }
    let allowed = match &schema["type"] {
        Value::String(it) => it == kind,
        Value::Array(kinds) => kinds.iter().any(|it| it == kind),
        _ => true,
    };
    if !allowed {
        return Err(format!("{value} is not of {}", schema["type"]));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], item)?;
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.is_object() && value.get(name.as_str().unwrap_or_default()).is_none() {
            return Err(format!("{name} is missing"));
        }
    }
    let properties = schema["properties"].as_object();
    properties.into_iter().flatten().try_for_each(|(name, property)| match value.get(name) {
        Some(value) => fits(property, value).map_err(|problem| format!("{name}: {problem}")),
        None => Ok(()),
    })
}
