//! Every route, and the layers around them.

use axum::{Router, middleware};

use crate::app::App;
use crate::auth;

/// The whole site.
pub fn create(app: App) -> Router {
    Router::new()
        .layer(middleware::from_fn_with_state(app.clone(), auth::anonymous::layer))
        .layer(auth::session::layer(&app))
        .with_state(app)
}
