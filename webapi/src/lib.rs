//! The site and its REST API: `router → {api, ui} → domain → db`.

pub mod api;
pub mod app;
pub mod auth;
pub mod db;
pub mod domain;
pub mod error;
pub mod extract;
pub mod face;
pub mod health;
pub mod id;
pub mod live;
pub mod metrics;
pub mod reading;
pub mod router;
pub mod routes;
pub mod schema;
pub mod server;
pub mod tasks;
pub mod torrent_file;
pub mod tracker;
pub mod ui;
pub mod upload_form;
