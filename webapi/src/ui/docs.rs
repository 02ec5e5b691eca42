//! `/api/docs`: the `OpenAPI` description of the API as a page.

use std::sync::LazyLock;

use askama::Template;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::{PageLayout, page};
use crate::api::openapi;
use crate::auth::needs::ALL;
use crate::domain::member::Member;
use crate::error::Error;
use crate::routes::Routes;

/// The page's path, below that of the API.
pub(super) const PATH: &str = "/api/docs";

static CONTENT: LazyLock<Content> = LazyLock::new(Content::read);

/// The route of the page.
pub fn routes() -> Routes {
    Routes::new().page(Method::GET, PATH, ALL, get(show))
}

/// The page with all operations and schemas.
#[derive(Template)]
#[template(path = "docs/show.html")]
struct Show {
    layout: PageLayout,
    description: &'static str,
    groups: &'static [Group],
    schemas: &'static [Named],
}

#[derive(Default)]
struct Content {
    description: String,
    groups: Vec<Group>,
    schemas: Vec<Named>,
}

/// The operations of one tag.
struct Group {
    name: String,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    description: String,
    open: bool,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
}

struct Parameter {
    name: String,
    place: String,
    kind: String,
    required: bool,
    description: String,
}

struct Body {
    media_type: String,
    schema: Option<Schema>,
}

struct Answer {
    status: String,
    description: String,
    body: Option<Body>,
}

/// A schema in words, with the name of the component if it refers to one.
struct Schema {
    text: String,
    link: Option<String>,
}

/// A component of the document: a schema with its name.
struct Named {
    name: String,
    description: String,
    properties: Vec<Property>,
}

struct Property {
    name: String,
    description: String,
    schema: Schema,
}

async fn show(_: Member, layout: PageLayout) -> Result<Response, Error> {
    let Content { description, groups, schemas } = &*CONTENT;
    page(Show { layout, description, groups, schemas })
}

impl Content {
    fn read() -> Self {
        let Ok(document) = serde_json::to_value(openapi::document()) else { return Self::default() };
        let mut groups: Vec<Group> = Vec::new();
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                let name = text(&operation["tags"][0]);
                let operation = Operation::read(method, path, operation);
                match groups.iter_mut().find(|it| it.name == name) {
                    Some(group) => group.operations.push(operation),
                    None => groups.push(Group { name, operations: vec![operation] }),
                }
            }
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        let schemas =
            entries(&document["components"]["schemas"]).map(|(name, schema)| Named::read(name, schema));
        Self { description: text(&document["info"]["description"]), groups, schemas: schemas.collect() }
    }
}

impl Operation {
    fn read(method: &str, path: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let answers = entries(&operation["responses"]).map(|(status, answer)| Answer {
            status: status.to_owned(),
            description: text(&answer["description"]),
            body: Body::read(&answer["content"]),
        });
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            open: operation["security"].is_null(),
            parameters: parameters.map(Parameter::read).collect(),
            body: Body::read(&operation["requestBody"]["content"]),
            answers: answers.collect(),
        }
    }
}

impl Parameter {
    fn read(parameter: &Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            place: format!("in the {}", text(&parameter["in"])),
            kind: Schema::read(&parameter["schema"]).text,
            required: parameter["required"] == true,
            description: text(&parameter["description"]),
        }
    }
}

impl Body {
    fn read(content: &Value) -> Option<Self> {
        let (media_type, body) = entries(content).next()?;
        let schema = body.get("schema").map(Schema::read);
        Some(Self { media_type: media_type.to_owned(), schema })
    }
}

impl Named {
    fn read(name: &str, schema: &Value) -> Self {
        // utoipa writes a struct with a flattened field as `allOf`: the fields of the part and the other fields.
        let parts = schema["allOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
        let mut properties = Vec::new();
        for part in parts {
            if let Some(link) = part["$ref"].as_str().map(component) {
                let schema = Schema { text: link.clone(), link: Some(link) };
                properties.push(Property {
                    name: "…".to_owned(),
                    description: "all of it".to_owned(),
                    schema,
                });
            }
            properties.extend(entries(&part["properties"]).map(|(name, schema)| Property {
                name: name.to_owned(),
                description: text(&schema["description"]),
                schema: Schema::read(schema),
            }));
        }
        Self { name: name.to_owned(), description: text(&schema["description"]), properties }
    }
}

impl Schema {
    fn read(schema: &Value) -> Self {
        if let Some(link) = schema["$ref"].as_str().map(component) {
            return Self { text: link.clone(), link: Some(link) };
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if let Some(choices) = schema[key].as_array() {
                let read: Vec<Self> = choices.iter().map(Self::read).collect();
                let link = read.iter().find_map(|it| it.link.clone());
                let words: Vec<String> = read.into_iter().map(|it| it.text).collect();
                return Self { text: words.join(" or "), link };
            }
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
            _ => "any".to_owned(),
        };
        if kind.starts_with("array") {
            let items = Self::read(&schema["items"]);
            return Self { text: format!("{kind} of {}", items.text), link: items.link };
        }
        let format = schema["format"].as_str().map(|it| format!(" ({it})")).unwrap_or_default();
        Self { text: format!("{kind}{format}{}", bounds(schema)), link: None }
    }
}

/// The limits of a value: its allowed words, or its minimum and maximum.
fn bounds(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        return format!(", one of {}", words.iter().map(text).collect::<Vec<_>>().join(", "));
    }
    let number = |key: &str| schema[key].as_u64();
    match (number("minimum"), number("maximum"), number("minLength"), number("maxLength")) {
        (Some(least), Some(most), ..) => format!(", {least} to {most}"),
        (_, _, Some(least), Some(most)) => format!(", {least} to {most} characters"),
        (_, _, None, Some(most)) => format!(", up to {most} characters"),
        _ => String::new(),
    }
}

fn component(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A description without the marks of Markdown and rustdoc.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('`', "")
}
