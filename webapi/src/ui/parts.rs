//! Parts that pages share: layout, formats of numbers and times, passwords typed twice, plots, static files.

pub mod assets;
pub mod format;
pub mod layout;
pub mod password;
pub mod plot;
