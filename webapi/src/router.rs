//! Every route, and the layers around them.

use axum::Router;

use crate::app::App;

/// The whole site.
pub fn create(app: App) -> Router {
    Router::new().with_state(app)
}
