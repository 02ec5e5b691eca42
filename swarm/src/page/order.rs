//! `/demo/order`: commands of staff, by the page's form.

use std::time::Duration;

use axum::Json;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use clap::ValueEnum;
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{App, Shared};
use crate::client::Kind;
use crate::control::ControlCommand;

/// Wait for an order to be carried out: content may have to be copied.
const CARRY_OUT_TIMEOUT: Duration = Duration::from_mins(1);

/// The form's fields; each command uses some of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Order {
    csrf: Option<Secret>,
    command: String,
    client: String,
    torrent: String,
    rate: String,
    kind: String,
}

/// The answer to the page's script.
#[derive(Serialize)]
struct Outcome {
    carried_out: bool,
    text: String,
}

/// Carries out an order of staff. The outcome is shown by the page that it redirects to, or sent as JSON if that is accepted.
pub(super) async fn order(State(app): Shared, headers: HeaderMap, Form(order): Form<Order>) -> Response {
    if !is_ours(&headers) {
        return (StatusCode::FORBIDDEN, "This form was sent by another site.\n").into_response();
    }
    let visitor = match app.known(&headers).await {
        Ok(visitor) => visitor,
        Err(refusal) => return refusal,
    };
    if !visitor.staff {
        return (StatusCode::FORBIDDEN, "Only staff may control the swarm.\n").into_response();
    }
    if visitor.csrf.is_none() || visitor.csrf != order.csrf {
        return (StatusCode::FORBIDDEN, "This form is out of date. Load the page anew and try again.\n")
            .into_response();
    }
    let client = order.client.clone();
    let outcome = match order.command() {
        Ok(command) => carry_out(&app, command).await,
        Err(sentence) => Err(sentence),
    };
    if accepts_json(&headers) {
        let (carried_out, Ok(text) | Err(text)) = (outcome.is_ok(), outcome);
        let status = if carried_out { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return (status, Json(Outcome { carried_out, text })).into_response();
    }
    let query: String =
        form_urlencoded(&[("told", &app.outcomes.keep(outcome)), ("still", ""), ("client", &client)]);
    Redirect::to(&format!("/demo?{query}")).into_response()
}

fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn carry_out(app: &App, command: ControlCommand) -> Result<String, String> {
    let (answer, answered) = oneshot::channel();
    let ended = || "The demonstration has ended. Start it anew.".to_owned();
    app.orders.send((command, answer)).await.map_err(|_| ended())?;
    match tokio::time::timeout(CARRY_OUT_TIMEOUT, answered).await {
        Ok(outcome) => outcome.unwrap_or_else(|_| Err(ended())),
        Err(_) => Err("It was begun, and is not done after a minute. Watch what the client does.".to_owned()),
    }
}

/// Whether the form came from a page of this site, by the browser's headers. Without them the CSRF token alone decides.
fn is_ours(headers: &HeaderMap) -> bool {
    let value =
        |name| headers.get(name).map(|it: &axum::http::HeaderValue| it.to_str().unwrap_or("unreadable"));
    if let Some(from) = value(HeaderName::from_static("sec-fetch-site")) {
        return from == "same-origin";
    }
    // Our Referrer-Policy makes browsers send `null` for our own forms, too.
    let Some(origin) = value(header::ORIGIN).filter(|it| *it != "null") else { return true };
    origin.split_once("://").map(|(_, host)| host) == value(header::HOST)
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    accept.is_some_and(|it| it.starts_with("application/json"))
}

impl Order {
    /// The command, or a sentence that says what is wrong with it.
    fn command(self) -> Result<ControlCommand, String> {
        let Self { command, client, torrent, rate, kind, .. } = self;
        if client.is_empty() && command != "add" {
            return Err("Choose a client.".to_owned());
        }
        if torrent.is_empty() && matches!(&*command, "seed" | "leech") {
            return Err("Choose a torrent.".to_owned());
        }
        match &*command {
            "seed" => Ok(ControlCommand::Seed { client, torrent }),
            "leech" => Ok(ControlCommand::Leech { client, torrent }),
            "stop" => Ok(ControlCommand::Stop { client }),
            "start" => Ok(ControlCommand::Start { client }),
            "kill" => Ok(ControlCommand::Kill { client }),
            "cut" => Ok(ControlCommand::Cut { client }),
            "restore" => Ok(ControlCommand::Restore { client }),
            "unthrottle" => Ok(ControlCommand::Throttle { client, rate: None }),
            "throttle" => match rate.trim().parse() {
                Ok(rate @ 1..) => Ok(ControlCommand::Throttle { client, rate: Some(rate) }),
                _ => Err("Say how many KiB a second: a whole number, 1 at least.".to_owned()),
            },
            "add" => match Kind::from_str(&kind, false) {
                Ok(kind) => Ok(ControlCommand::Add { kind }),
                Err(_) => Err("Choose a program.".to_owned()),
            },
            _ => Err("Choose what is to be done.".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(command: &str) -> Order {
        Order { command: command.to_owned(), client: "aria2-1".to_owned(), ..Order::default() }
    }

    #[test]
    fn the_form_s_words_are_commands() {
        let client = || "aria2-1".to_owned();
        assert_eq!(order("kill").command(), Ok(ControlCommand::Kill { client: client() }));
        assert_eq!(
            order("unthrottle").command(),
            Ok(ControlCommand::Throttle { client: client(), rate: None })
        );
        let throttle = Order { rate: " 64 ".to_owned(), ..order("throttle") };
        assert_eq!(throttle.command(), Ok(ControlCommand::Throttle { client: client(), rate: Some(64) }));
        let add = Order { kind: "rtorrent".to_owned(), command: "add".to_owned(), ..Order::default() };
        assert_eq!(add.command(), Ok(ControlCommand::Add { kind: Kind::Rtorrent }));
        let seed = Order { torrent: "7".to_owned(), ..order("seed") };
        assert_eq!(seed.command(), Ok(ControlCommand::Seed { client: client(), torrent: "7".to_owned() }));
    }

    #[test]
    fn what_lacks_something_says_what() {
        for (order, word) in [
            (Order::default(), "client"),
            (order(""), "what is to be done"),
            (order("show"), "what is to be done"),
            (order("leech"), "torrent"),
            (order("throttle"), "KiB"),
            (Order { rate: "0".to_owned(), ..order("throttle") }, "KiB"),
            (Order { kind: "netscape".to_owned(), ..order("add") }, "program"),
        ] {
            let sentence = order.command().expect_err("refused");
            assert!(sentence.contains(word), "{sentence}");
        }
    }
}
