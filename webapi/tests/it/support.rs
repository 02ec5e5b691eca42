//! The real site on a loopback port and a real database, and browsers and scripts that use it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use infra::config::Config;
use infra::shutdown::Shutdown;
use infra::testing::TestDatabase;
use reqwest::cookie::{CookieStore, Jar};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpListener;
use webapi::app::App;
use webapi::auth::account;
use webapi::server;

use crate::documented;

/// Every member's password.
pub(crate) const PASSWORD: &str = "correct horse";

/// A running site.
pub(crate) struct TestSite {
    pub(crate) database: TestDatabase,
    pub(crate) app: App,
    pub(crate) url: String,
}

/// A configuration for `database`, with limits that tests do not run into.
pub(crate) fn configuration(database: &TestDatabase) -> Value {
    let mut config = infra::testing::configuration(database);
    config["webapi"]["secure"] = false.into();
    config["webapi"]["signInAttempts"] = 1000.into();
    config["webapi"]["openInvites"] = 1000.into();
    // No test fails because the machine has much else to do.
    config["webapi"]["backendTimeoutSeconds"] = 30.into();
    config["webapi"]["requestTimeoutSeconds"] = 300.into();
    config["webapi"]["headerTimeoutSeconds"] = 300.into();
    config["webapi"]["requestsPerMinute"] = 1_000_000.into();
    config
}

impl TestSite {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a site after `change` was made to its configuration.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Value)) -> Self {
        let database = TestDatabase::create().await.expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut config = configuration(&database);
        config["apiUrl"] = url.clone().into();
        change(&mut config);
        let config = Config::parse(&config.to_string(), Path::new("test")).expect("a configuration");
        // Streams end because they are told, not because they look.
        let check = Duration::from_hours(1);
        let app = App::with_stream_check(config, Shutdown::default(), check).expect("an app");
        tokio::spawn(server::serve(app.clone(), listener));
        Self { database, app, url }
    }

    /// Adds an account whose password is [`PASSWORD`]; answers its id.
    pub(crate) async fn add(&self, name: &str, roles: &[&str]) -> i32 {
        let roles: Vec<String> = roles.iter().map(|it| (*it).to_owned()).collect();
        account::add(&self.app, name, PASSWORD.to_owned().into(), &roles).await.expect("an account").0
    }

    /// Adds an account and signs it in.
    pub(crate) async fn member(&self, name: &str, roles: &[&str]) -> Browser {
        self.add(name, roles).await;
        let browser = self.browser();
        browser.sign_in(name).await;
        browser
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// One value from the database, as its owner sees it.
    pub(crate) async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str) -> T {
        let client = self.database.client().await.expect("a connection");
        client.query_one(sql, &[]).await.expect("a row").get(0)
    }

    /// Waits until a query of the database answers `true`.
    pub(crate) async fn until(&self, sql: &str) {
        infra::testing::eventually(sql, async || self.value::<bool>(sql).await).await;
    }

    /// Changes the database behind the site's back.
    pub(crate) async fn execute(&self, sql: &str) {
        let client = self.database.client().await.expect("a connection");
        client.batch_execute(sql).await.expect("a statement");
    }

    /// The path of one of the site's addresses.
    pub(crate) fn path_of(&self, url: &str) -> String {
        url.strip_prefix(&self.url).expect("below the site").to_owned()
    }

    /// Stops the site and drops its database.
    pub(crate) async fn stop(self) {
        self.app.shutdown.request();
        self.database.drop_now().await.expect("the database drops");
    }
}

/// Keeps cookies, follows no redirect.
pub(crate) struct Browser {
    pub(crate) http: Client,
    pub(crate) url: String,
    jar: Arc<Jar>,
}

/// An answer that has arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(url: &str) -> Self {
        let jar = Arc::new(Jar::default());
        let http =
            Client::builder().cookie_provider(Arc::clone(&jar)).redirect(Policy::none()).no_proxy().build();
        Self { http: http.expect("a client"), url: url.to_owned(), jar }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Sends a form with the token of the page at `from`.
    pub(crate) async fn post_from(&self, from: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get(from).await.csrf();
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend_from_slice(fields);
        self.post(path, &form).await
    }

    /// Sends a form as it is.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(self.request(Method::POST, path).form(form)).await
    }

    pub(crate) async fn sign_in(&self, name: &str) {
        let answer =
            self.post_from("/sign-in", "/sign-in", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }

    /// A change by API, with the session's token.
    pub(crate) async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        Answer::of(self.api_request(method, path, body).await).await
    }

    /// The request that [`Browser::api`] sends.
    pub(crate) async fn api_request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> RequestBuilder {
        let session: Value = self.get("/api/session").await.json();
        let token = session["csrf_token"].as_str().expect("signed in").to_owned();
        let mut request = self.request(method, path).header("x-csrf-token", token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.jar.cookies(&self.url.parse().expect("a URL"))?;
        let cookies = cookies.to_str().expect("text").to_owned();
        cookies.split("; ").find_map(|it| it.strip_prefix(&format!("{name}="))).map(str::to_owned)
    }

    /// Puts a cookie there, as `name=value`.
    pub(crate) fn set_cookie(&self, cookie: &str) {
        self.jar.add_cookie_str(cookie, &self.url.parse().expect("a URL"));
    }

    pub(crate) async fn is_signed_in(&self) -> bool {
        self.get("/api/session").await.status == StatusCode::OK
    }
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.expect("a body");
        documented::check(&method, &path, status, &headers, body.as_bytes());
        Self { status, headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().expect("text"))
    }

    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// The first form's token.
    pub(crate) fn csrf(&self) -> String {
        self.field("csrf")
    }

    /// The value of the first input of this name.
    pub(crate) fn field(&self, name: &str) -> String {
        let input = self.body.split("<input").find(|it| it.contains(&format!("name=\"{name}\"")));
        let value =
            input.and_then(|it| it.split_once("value=\"")).and_then(|(_, rest)| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no field {name}: {} {}", self.status, self.body)).to_owned()
    }

    /// All set cookies, in full.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter();
        cookies.map(|it| it.to_str().expect("text")).collect()
    }
}
