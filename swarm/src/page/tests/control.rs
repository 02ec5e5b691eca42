//! Orders, and who may give them.

use axum::Router;
use reqwest::header::LOCATION;
use tokio::sync::mpsc::error::TryRecvError;

use super::made_up::picture;
use super::{Page, text};
use crate::control::ControlCommand;

const KILL: [(&str, &str); 3] = [("csrf", "right"), ("command", "kill"), ("client", "aria2-2")];

#[tokio::test]
async fn orders_of_others_are_refused() {
    let mut page = Page::before(Router::new(), picture("heron")).await;
    let host = page.address.clone();
    for (status, member, header, form) in [
        (401, "nobody", ("sec-fetch-site", "same-origin"), &KILL[..]),
        (403, "bo", ("sec-fetch-site", "same-origin"), &KILL[..]),
        (403, "ada", ("sec-fetch-site", "cross-site"), &KILL[..]),
        (403, "ada", ("sec-fetch-site", "same-site"), &KILL[..]),
        (403, "ada", ("origin", "https://evil.example"), &KILL[..]),
        (403, "ada", ("origin", &host), &KILL[1..]),
        (403, "ada", ("origin", "null"), &[("csrf", "wrong"), KILL[1], KILL[2]]),
    ] {
        let order = page.post("/demo/order").header("cookie", format!("session={member}"));
        let answer = order.header(header.0, header.1).form(form).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{member} {header:?}");
    }
    assert!(matches!(page.orders.try_recv(), Err(TryRecvError::Empty)));
    page.end().await;
}

#[tokio::test]
async fn an_order_of_staff_is_carried_out_and_its_outcome_is_shown() {
    let mut page = Page::before(Router::new(), picture("heron")).await;
    let order =
        page.post("/demo/order").header("cookie", "session=ada").header("origin", page.address.clone());
    let sent = tokio::spawn(order.form(&KILL).send());
    let (command, answer) = page.orders.recv().await.expect("an order");
    assert_eq!(command, ControlCommand::Kill { client: "aria2-2".to_owned() });
    answer.send(Ok("<b>It is dead.</b>".to_owned())).expect("somebody waits");
    let answer = sent.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 303);
    let next = answer.headers()[LOCATION].to_str().expect("text");
    let shown = page.get(next).header("cookie", "session=ada").send().await.expect("an answer");
    let shown = text(shown).await;
    assert!(shown.contains("&#60;b&#62;It is dead."), "{shown}");
    assert!(shown.contains(r#"<option value="aria2-2" selected>"#));
    page.end().await;
}

#[tokio::test]
async fn scripts_are_told_the_outcome_as_json() {
    let mut page = Page::before(Router::new(), picture("heron")).await;
    let order = |form: &[(&str, &str)]| {
        let order = page.post("/demo/order").header("cookie", "session=ada");
        tokio::spawn(order.header("accept", "application/json").form(form).send())
    };
    let refused = order(&KILL[..2]).await.expect("no panic").expect("an answer");
    assert_eq!(refused.status(), 422);
    assert_eq!(text(refused).await, r#"{"carried_out":false,"text":"Choose a client."}"#);
    let sent = order(&KILL);
    let (_, answer) = page.orders.recv().await.expect("an order");
    answer.send(Err("It is dead already.".to_owned())).expect("somebody waits");
    let answer = sent.await.expect("no panic").expect("an answer");
    assert_eq!(text(answer).await, r#"{"carried_out":false,"text":"It is dead already."}"#);
    page.end().await;
}
