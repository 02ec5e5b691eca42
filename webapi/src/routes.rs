//! The table of routes, each with what it requires of its visitor. It builds the router and the API's description, and
//! tests walk it.

use axum::http::Method;
use axum::routing::MethodRouter;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::app::App;
use crate::auth::needs::Needs;

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method; never HEAD or OPTIONS.
    pub method: Method,
    /// The path, with parameters in braces: `/torrents/{id}`.
    pub path: String,
    /// What the route requires of its visitor.
    pub needs: Needs,
}

/// A table of routes that is being built, with their handlers.
#[derive(Default)]
pub struct Routes {
    router: OpenApiRouter<App>,
    table: Vec<Route>,
}

impl Routes {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a page or the target of a form. `handler` answers only `method`.
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

    /// Changes the router of the routes added so far, for example to add a layer.
    #[must_use]
    pub fn map(self, change: impl FnOnce(OpenApiRouter<App>) -> OpenApiRouter<App>) -> Self {
        Self { router: change(self.router), table: self.table }
    }

    /// The router, the description of the API's operations, and the table.
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
