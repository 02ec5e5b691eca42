//! `OpenAPI` schemas that several operations share.

use utoipa::openapi::schema::{ObjectBuilder, Type};

/// The schema of a string that is one of `words`.
pub fn one_of(words: impl IntoIterator<Item = &'static str>, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).description(Some(description))
}
