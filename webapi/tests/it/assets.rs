//! Static files: kept for ever under an address that changes with them.

use reqwest::{Method, StatusCode};

use super::support::TestSite;

#[tokio::test]
async fn files_are_kept_until_they_change() {
    let site = TestSite::start().await;
    let visitor = site.browser();
    let page = visitor.get("/sign-in").await.body;
    let address =
        page.split('"').find(|it| it.starts_with("/static/style.css?v=")).expect("a style").to_owned();
    let style = visitor.get(&address).await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(style.header("cache-control").contains("immutable"));
    let known = visitor.request(Method::GET, &address).header("if-none-match", style.header("etag"));
    assert_eq!(known.send().await.expect("an answer").status(), StatusCode::NOT_MODIFIED);
    assert_eq!(visitor.get("/static/none.css").await.status, StatusCode::NOT_FOUND);
    site.stop().await;
}
