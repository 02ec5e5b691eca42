//! The account's pages: where their forms' addresses lead, and what a form answers stands where the member looks.

use reqwest::StatusCode;

use crate::csrf::{filled, page_changes};
use crate::support::TestSite;

#[tokio::test]
async fn the_address_of_an_account_s_form_opens_a_page() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    let forms: Vec<String> = page_changes().into_iter().filter(|it| it.starts_with("/account")).collect();
    assert!(forms.len() >= 6, "{forms:?}");
    for path in forms {
        let answer = wren.get(&filled(&path)).await;
        assert!(
            answer.status == StatusCode::OK || answer.location().starts_with("/account/"),
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(wren.get("/account/announce-key").await.location(), "/account/announce-url");
    site.stop().await;
}

#[tokio::test]
async fn a_refused_password_is_answered_on_the_security_page_with_the_focus_in_its_field() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    for browser in [site.browser(), site.browser()] {
        browser.sign_in("wren").await;
    }
    let wrong =
        [("password", "not it"), ("new_password", "new password"), ("new_password_again", "new password")];
    let page = wren.post_from("/account/security", "/account/security", &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let focused: Vec<&str> = page.body.split("<input").filter(|it| it.contains(" autofocus")).collect();
    assert!(
        matches!(focused[..], [one] if one.contains("id=\"password\"") && one.contains("aria-invalid=\"true\"")),
        "{focused:?}"
    );
    let (form, table) = (page.body.find("id=\"password-error\""), page.body.find("<table"));
    assert!(form.is_some() && form < table, "the sentence stands above the sessions");
    site.stop().await;
}

#[tokio::test]
async fn a_new_token_has_a_page_of_its_own_without_lists() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    for name in ["first", "second"] {
        let form = [("name", name), ("scope", "read"), ("days", "30")];
        let page = wren.post_from("/account/tokens", "/account/tokens", &form).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.body.contains("<table"), "nothing else pushes it down");
        assert!(page.body.contains("once.js"), "loading the page anew makes no second token");
    }
    site.stop().await;
}
