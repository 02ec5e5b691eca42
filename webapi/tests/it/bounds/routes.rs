//! Every route of the site, from the table that its router is built from.

use reqwest::Method;

/// A method and the path that it is routed by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: Method,
    /// The path of the route, with its parameters in braces.
    pub(super) path: String,
}

/// All there are, so that a new one cannot be forgotten.
pub(super) fn all() -> Vec<Route> {
    let (_, _, operations) = webapi::api::routes().split();
    let (_, _, pages) = webapi::ui::routes().split();
    let all = operations.into_iter().chain(pages);
    all.map(|it| Route { method: it.method, path: it.path }).collect()
}
