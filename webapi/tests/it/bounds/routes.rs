//! Every route of the site: those of the API from its description, those of the pages from their sources.

use std::fs;
use std::path::Path;

use reqwest::Method;

/// A method and the path that it is routed by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: Method,
    /// With parameters in braces.
    pub(super) path: String,
}

/// All there are, so that a new one cannot be forgotten.
pub(super) fn all() -> Vec<Route> {
    let mut routes = operations();
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui"), &mut routes);
    assert!(routes.iter().any(|it| it.path == "/upload" && it.method == Method::POST), "pages are found");
    routes
}

fn operations() -> Vec<Route> {
    let document = serde_json::to_value(webapi::api::openapi::document()).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("paths").clone();
    let of = |(path, item): (String, serde_json::Value)| {
        let methods: Vec<String> = item.as_object().expect("an item").keys().cloned().collect();
        let method = |name: String| name.to_uppercase().parse::<Method>().ok();
        let known = move |method: &Method| METHODS.iter().any(|(_, it)| it == method);
        let routes = methods.into_iter().filter_map(method).filter(known);
        routes.map(move |method| Route { method, path: path.clone() })
    };
    paths.into_iter().flat_map(of).collect()
}

/// As axum calls them.
const METHODS: [(&str, Method); 5] = [
    ("get(", Method::GET),
    ("post(", Method::POST),
    ("put(", Method::PUT),
    ("patch(", Method::PATCH),
    ("delete(", Method::DELETE),
];

fn pages(folder: &Path, routes: &mut Vec<Route>) {
    for entry in fs::read_dir(folder).expect("the sources of the pages") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages(&path, routes);
        } else if path.extension().is_some_and(|it| it == "rs") {
            routed(&fs::read_to_string(&path).expect("a source"), routes);
        }
    }
}

/// The routes in `.route("path", get(…).post(…))`.
fn routed(source: &str, routes: &mut Vec<Route>) {
    for call in source.split(".route(").skip(1) {
        let arguments = &call[..end(call)];
        let mut parts = arguments.splitn(3, '"');
        let (Some(path), Some(handlers)) = (parts.nth(1), parts.next()) else { continue };
        for (name, method) in METHODS {
            let called = handlers.match_indices(name).any(|(at, _)| {
                !handlers[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
            });
            if called {
                routes.push(Route { method, path: path.to_owned() });
            }
        }
    }
}

/// Where the parenthesis closes that was opened before `call`.
fn end(call: &str) -> usize {
    let mut open = 1;
    for (at, letter) in call.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    call.len()
}

#[test]
fn routes_are_read_from_sources() {
    let mut routes = Vec::new();
    let source = r#"Router::new()
        .route("/a/{id}", get(show).post(budget(x)))
        .route(
            "/b",
            axum::routing::delete(gone),
        )"#;
    routed(source, &mut routes);
    let expected = [(Method::GET, "/a/{id}"), (Method::POST, "/a/{id}"), (Method::DELETE, "/b")];
    let expected = expected.map(|(method, path)| Route { method, path: path.to_owned() });
    assert_eq!(routes, expected);
}
