//! Routes, each with what it needs of its visitor. One table builds the router and the API's description, and tests walk
//! it.

use axum::http::Method;
use axum::routing::MethodRouter;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::app::App;
use crate::auth::needs::Needs;

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Never HEAD or OPTIONS.
    pub method: Method,
    /// With parameters in braces: `/torrents/{id}`.
    pub path: String,
    /// What it needs.
    pub needs: Needs,
}

/// Routes under construction.
#[derive(Default)]
pub struct Routes {
    router: OpenApiRouter<App>,
    table: Vec<Route>,
}

impl Routes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a page or a form's target. `handler` answers `method` alone.
    #[must_use]
    pub fn page(mut self, method: Method, path: &str, needs: Needs, handler: MethodRouter<App>) -> Self {
        self.table.push(Route { method, path: path.to_owned(), needs });
        Self { router: self.router.route(path, handler), table: self.table }
    }

    /// Adds what `routes!` made of one operation of the API.
    #[must_use]
    pub fn operation(mut self, needs: Needs, operation: UtoipaMethodRouter<App>) -> Self {
        for (path, item) in &operation.1.paths {
            let methods = methods(item).into_iter();
            self.table.extend(methods.map(|method| Route { method, path: path.clone(), needs }));
        }
        Self { router: self.router.routes(operation), table: self.table }
    }

    /// Adds all of `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.table.extend(other.table);
        Self { router: self.router.merge(other.router), table: self.table }
    }

    /// Changes the router that the routes so far have made, to put layers around them.
    #[must_use]
    pub fn map(self, change: impl FnOnce(OpenApiRouter<App>) -> OpenApiRouter<App>) -> Self {
        Self { router: change(self.router), table: self.table }
    }

    /// The router, the description of its operations and the table.
    pub fn split(self) -> (axum::Router<App>, OpenApi, Vec<Route>) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.table)
    }
}

fn methods(item: &PathItem) -> Vec<Method> {
    let known = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ];
    known.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method).collect()
}
