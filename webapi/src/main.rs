//! `webapi CONFIG`: the site and API process. `webapi migrate CONFIG`: its database.
fn main() {}
