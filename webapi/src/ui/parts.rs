//! Parts that pages share: layout, formats of numbers and times, plots, static files.

pub mod assets;
pub mod format;
pub mod layout;
pub mod plot;
