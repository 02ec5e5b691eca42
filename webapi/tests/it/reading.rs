//! Requests that only read: Postgres stops working for them when nobody waits any longer.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::time::timeout;

use crate::support::{Browser, TestSite};

/// A search never ends by itself, and notes why it was stopped.
const ENDLESS_SEARCH: &str = "
    create table stopped (reason text not null);
    grant insert on stopped to webapi;
    create or replace function whole_query(value text) returns tsquery language plpgsql as $$
    begin
        perform count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b;
        return null;
    exception when query_canceled then
        insert into stopped values (sqlerrm);
        return null;
    end $$";

const RUNNING: &str = "
    select exists (
        select from pg_stat_activity
        where datname = current_database() and state = 'active' and query like '%whole_query%'
          and pid <> pg_backend_pid()
    )";

/// Notes how long a statement may take instead of searching.
const NOTED_TIMEOUT: &str = "
    create table noted (timeout interval not null);
    grant insert on noted to webapi;
    create or replace function whole_query(value text) returns tsquery language sql as $$
        insert into noted values (current_setting('statement_timeout')::interval);
        select null::tsquery
    $$";

/// Searches and goes away; answers why the query was stopped.
async fn leave(site: &TestSite, browser: &Browser) -> String {
    site.execute("truncate stopped").await;
    tokio::select! {
        // The statement's own time was over before it was seen.
        _ = browser.request(Method::GET, "/?search=alder").send() => {}
        () = site.until(RUNNING) => {}
    }
    site.until("select exists (select from stopped)").await;
    site.value("select reason from stopped").await
}

#[tokio::test]
async fn a_query_is_cancelled_when_its_visitor_goes_away() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    site.execute(ENDLESS_SEARCH).await;
    let cancelled = async { while leave(&site, &wren).await != "canceling statement due to user request" {} };
    timeout(Duration::from_mins(1), cancelled).await.expect("only the statement's own timeout ends it");
    timeout(Duration::from_mins(1), site.until(&format!("select not ({RUNNING})"))).await.expect("it ends");
    // Whoever comes next is not given the connection on which something was cancelled.
    for _ in 0..20 {
        assert_eq!(wren.get("/api/torrents").await.status, StatusCode::OK);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_statement_of_a_page_may_take_less_time_than_the_page_waits() {
    let site = TestSite::start_with(|config| config["webapi"]["backendTimeoutSeconds"] = 20.into()).await;
    let wren = site.member("wren", &[]).await;
    site.execute(NOTED_TIMEOUT).await;
    assert_eq!(wren.get("/api/torrents?search=alder").await.status, StatusCode::OK);
    assert!(site.value::<bool>("select bool_and(timeout between '1 s' and '19 s') from noted").await);
    site.stop().await;
}

#[tokio::test]
async fn readers_leave_connections_to_changes() {
    let site = TestSite::start_with(|config| config["webapi"]["poolSize"] = 2.into()).await;
    let wren = site.member("wren", &[]).await;
    site.execute(ENDLESS_SEARCH).await;
    // One connection is for reading, and it is taken while the other is asked for.
    let reads = async { while leave(&site, &wren).await.is_empty() {} };
    let change = wren.post("/sign-in", &[("username", "wren"), ("password", "x"), ("csrf", "x")]);
    let (answer, ()) = tokio::join!(change, reads);
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    site.stop().await;
}
