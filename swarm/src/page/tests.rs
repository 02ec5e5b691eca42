mod control;
mod looks;
pub(super) mod made_up;
mod passing;
mod whole;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use infra::shutdown::Shutdown;
use reqwest::{Client, RequestBuilder, Response, redirect};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::{State, Visitors, serve};
use crate::control::PendingCommand;
use crate::picture::Picture;
use crate::site::Visitor;

/// The page before a made-up site, with whom a browser would speak.
struct Page {
    address: String,
    pictures: watch::Sender<Arc<Picture>>,
    orders: mpsc::Receiver<PendingCommand>,
    browser: Client,
    shutdown: Shutdown,
}

/// Knows two members by their cookies.
struct Members;

#[async_trait]
impl Visitors for Members {
    async fn visitor(&self, cookie: &str) -> anyhow::Result<Option<Visitor>> {
        let staff = match cookie {
            "session=ada" => true,
            "session=bo" => false,
            "session=away" => anyhow::bail!("the site is away"),
            _ => return Ok(None),
        };
        let csrf = Some("right".to_owned().into());
        Ok(Some(Visitor { name: "ada".to_owned(), staff, csrf }))
    }
}

impl Page {
    async fn before(site: Router, picture: Picture) -> Self {
        let behind = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = behind.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(behind, site).await });
        Self::before_address(place, picture).await
    }

    async fn before_address(site: SocketAddr, picture: Picture) -> Self {
        Self::of(site, Arc::new(Members), picture).await
    }

    async fn of(site: SocketAddr, visitors: Arc<dyn Visitors>, picture: Picture) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (pictures, receiver) = watch::channel(Arc::new(picture));
        let (sender, orders) = mpsc::channel(4);
        let state = State { pictures: receiver, orders: sender, site, visitors };
        let shutdown = Shutdown::default();
        shutdown.spawn(serve(state, listener, shutdown.clone()));
        let browser = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        Self { address, pictures, orders, browser, shutdown }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.browser.get(format!("{}{path}", self.address))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.browser.post(format!("{}{path}", self.address))
    }

    async fn page(&self, member: &str) -> String {
        let answer = self.get("/demo").header("cookie", format!("session={member}")).send().await;
        text(answer.expect("an answer")).await
    }

    /// Ends it, and expects that nothing keeps it.
    async fn end(self) {
        assert!(self.shutdown.finish(Duration::from_mins(5)).await, "it ends");
    }
}

async fn text(answer: Response) -> String {
    answer.text().await.expect("text")
}
