//! The API's description: complete, and shown to people.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::support::TestSite;

#[test]
fn every_resource_is_described() {
    let document = serde_json::to_value(webapi::api::openapi::document()).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|it| it.starts_with("3.1")), "{}", document["openapi"]);
    let paths = document["paths"].as_object().expect("paths");
    for path in [
        "/api/session",
        "/api/torrents",
        "/api/torrents/{id}",
        "/api/torrents/{id}/metainfo",
        "/api/torrents/{id}/files",
        "/api/torrents/{id}/history",
        "/api/torrents/{id}/snatches",
        "/api/members",
        "/api/members/{id}",
        "/api/members/{id}/password",
        "/api/members/{id}/announce-key",
        "/api/members/{id}/roles",
        "/api/members/{id}/invites",
        "/api/members/{id}/transfers",
        "/api/roles",
        "/api/invites",
        "/api/invites/{secret}",
        "/api/tokens",
        "/api/tokens/{id}",
        "/api/feed-keys",
        "/api/feed-keys/{id}",
        "/api/swarm",
        "/api/live",
        "/api/openapi.json",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
}

/// The methods of an item of the document, in order.
fn methods(item: &Value) -> Vec<&str> {
    let keys = item.as_object().expect("an item").keys().map(String::as_str);
    let mut methods: Vec<&str> = keys.filter(|it| *it != "parameters").collect();
    methods.sort_unstable();
    methods
}

#[tokio::test]
async fn every_path_is_routed_with_the_methods_that_are_described() {
    let site = TestSite::start().await;
    let member = site.member("wren", &["administrator"]).await;
    let document: Value = member.get("/api/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let address = path.replace("{id}", "999999").replace("{secret}", "none").replace("{role}", "none");
        // A method that no operation has is refused by name: the path is routed, and with these methods only.
        let answer = member.request(Method::TRACE, &address).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = answer.headers()["allow"].to_str().expect("text").to_lowercase();
        let mut allowed: Vec<&str> = allowed.split(',').filter(|it| *it != "head").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, methods(item), "{path}");
    }
    site.stop().await;
}

#[test]
fn every_operation_says_what_it_does_and_answers() {
    let document = serde_json::to_value(webapi::api::openapi::document()).expect("JSON");
    let declared = document["tags"].as_array().expect("declared tags");
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in methods(item) {
            let operation = &item[method];
            let says = |key: &str| operation[key].as_str().is_some_and(|it| !it.is_empty());
            assert!(says("summary") && says("description"), "{method} {path} is not described");
            for tag in operation["tags"].as_array().expect("tags") {
                assert!(
                    declared.iter().any(|it| it["name"] == *tag),
                    "{method} {path}: {tag} is not declared"
                );
            }
            let limited = operation["responses"]["429"].is_object();
            assert!(limited || !operation["security"].is_array(), "{method} {path} has no limit for members");
            let id = operation["operationId"].as_str().expect("an id");
            assert!(ids.insert(id.to_owned()), "{id} stands for two operations");
            for (status, answer) in operation["responses"].as_object().expect("responses") {
                let empty = matches!(status.as_str(), "204" | "304");
                assert!(empty || answer["content"].is_object(), "{method} {path} {status} has no schema");
            }
        }
    }
}

/// The schema of a parameter.
fn parameter<'a>(document: &'a Value, path: &str, name: &str) -> &'a Value {
    let parameters = document["paths"][path]["get"]["parameters"].as_array().expect("parameters");
    &parameters.iter().find(|it| it["name"] == name).expect("the parameter")["schema"]
}

#[test]
fn lists_say_how_they_are_paged() {
    let document = serde_json::to_value(webapi::api::openapi::document()).expect("JSON");
    let mut paged = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        if parameters.iter().any(|it| it["name"] == "limit") {
            paged += 1;
            let limit = parameter(&document, path, "limit");
            // Files are small: a page of them holds more.
            let (most, usual) = if path == "/api/torrents/{id}/files" { (2000, 2000) } else { (100, 50) };
            assert_eq!(
                [&limit["minimum"], &limit["maximum"], &limit["default"]],
                [1, most, usual],
                "{path}: {limit}"
            );
            assert!(parameters.iter().any(|it| it["name"] == "after"), "{path} has no cursor");
        }
    }
    assert!(paged >= 8, "{paged} lists are paged");
}

#[test]
fn limits_and_choices_are_in_the_description() {
    let document = serde_json::to_value(webapi::api::openapi::document()).expect("JSON");
    assert_eq!(parameter(&document, "/api/torrents", "order")["enum"], serde_json::json!(["asc", "desc"]));
    assert_eq!(parameter(&document, "/api/torrents", "sort")["enum"][6], "snatched");
    let schemas = &document["components"]["schemas"];
    for (schema, field, longest) in [("TorrentChange", "title", 300), ("NewToken", "name", 100)] {
        let limits = &schemas[schema]["properties"][field];
        assert_eq!([&limits["minLength"], &limits["maxLength"]], [1, longest], "{schema}.{field}");
    }
    let outcomes = schemas["Announce"]["properties"]["outcome"]["enum"].as_array().expect("outcomes");
    assert!(outcomes.contains(&"scraped".into()) && outcomes.contains(&"disabled".into()), "{outcomes:?}");
    let roles = &schemas["MemberBody"]["properties"]["roles"]["items"]["enum"];
    assert_eq!(*roles, serde_json::json!(["administrator", "inviter", "moderator"]));
}
