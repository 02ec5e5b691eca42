//! Sites that earlier versions made, as `tests/sites` keeps them: today's programs migrate them and serve what is in
//! them.

mod site;

use std::collections::HashMap;

use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use infra::testing::eventually;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use site::{KeptSite, Running, Visitor, entry, for_each, list, text};

/// Asserts that `actual` says all that `expected` says. Later versions may say more.
fn assert_says(actual: &Value, expected: &Value, place: &str) {
    match (actual, expected) {
        (Value::Object(_), Value::Object(entries)) => {
            for (key, expected) in entries {
                let actual = actual.get(key).unwrap_or_else(|| panic!("{place} has no {key}"));
                assert_says(actual, expected, &format!("{place}.{key}"));
            }
        }
        (Value::Array(items), Value::Array(expected)) => {
            assert_eq!(items.len(), expected.len(), "{place}");
            for (at, (actual, expected)) in items.iter().zip(expected).enumerate() {
                assert_says(actual, expected, &format!("{place}[{at}]"));
            }
        }
        _ => assert_eq!(actual, expected, "{place}"),
    }
}

/// All enabled members by name, signed in with the passwords that they had.
async fn sign_in_all(site: &KeptSite, webapi: &Running) -> HashMap<String, Visitor> {
    let mut visitors = HashMap::new();
    for member in list(&site.expected["members"]) {
        let visitor = webapi.sign_in(member).await;
        let visitor = visitor.unwrap_or_else(|status| panic!("{}: {status}", member["name"]));
        visitors.insert(text(&member["name"]).to_owned(), visitor);
    }
    visitors
}

/// One who may see everything: the first of the members.
async fn administrator(site: &KeptSite, webapi: &Running) -> Visitor {
    let member = &site.expected["members"][0];
    assert!(list(&member["body"]["roles"]).contains(&json!("administrator")), "{member}");
    webapi.sign_in(member).await.expect("signed in")
}

#[tokio::test]
async fn members_sign_in_and_may_do_what_they_could() {
    for_each(async |site| {
        let webapi = site.start("webapi").await;
        let visitors = sign_in_all(site, &webapi).await;
        for request in list(&site.expected["requests"]) {
            let (method, path) = (text(&request["method"]), text(&request["path"]));
            for (name, status) in request["statuses"].as_object().expect("statuses") {
                let method = Method::from_bytes(method.as_bytes()).expect("a method");
                let answer = visitors[name].send(method, path, &request["body"]).await;
                assert_eq!(json!(answer.status().as_u16()), *status, "{request} as {name}");
            }
        }
        let disabled = webapi.sign_in(&site.expected["disabled"]).await;
        assert_eq!(disabled.err(), Some(StatusCode::FORBIDDEN));
    })
    .await;
}

#[tokio::test]
async fn members_keep_their_sums() {
    for_each(async |site| {
        let webapi = site.start("webapi").await;
        let visitors = sign_in_all(site, &webapi).await;
        for member in list(&site.expected["members"]) {
            let (name, id) = (text(&member["name"]), &member["body"]["id"]);
            let path = format!("/api/members/{id}");
            assert_says(&visitors[name].json(&path).await, &member["body"], name);
            let transfers = visitors[name].json(&format!("{path}/transfers")).await;
            assert_says(&transfers["items"], &member["transfers"], &format!("transfers of {name}"));
        }
        // The disabled member is among them.
        let staff = administrator(site, &webapi).await;
        for expected in list(&site.expected["seen_by_staff"]) {
            let mut expected = expected.clone();
            // Whoever asked saw their own.
            expected.as_object_mut().expect("a member").remove("announce_url");
            let member = staff.json(&format!("/api/members/{}", expected["id"])).await;
            assert_says(&member, &expected, text(&expected["name"]));
        }
    })
    .await;
}

#[tokio::test]
async fn torrents_are_listed_with_their_texts_files_and_snatches() {
    for_each(async |site| {
        let webapi = site.start("webapi").await;
        let staff = administrator(site, &webapi).await;
        let torrents = list(&site.expected["torrents"]);
        let listed = staff.json("/api/torrents").await;
        let mut ids: Vec<&Value> = list(&listed["items"]).iter().map(|it| &it["id"]).collect();
        // Newest first.
        ids.reverse();
        assert_eq!(ids, torrents.iter().map(|it| &it["id"]).collect::<Vec<_>>());
        for torrent in torrents {
            let path = format!("/api/torrents/{}", torrent["id"]);
            assert_says(&staff.json(&path).await, torrent, &path);
            let snatches = staff.json(&format!("{path}/snatches")).await;
            let expected = &site.expected["snatches"][torrent["id"].to_string()];
            assert_says(&snatches["items"], expected, &format!("{path}/snatches"));
        }
    })
    .await;
}

#[tokio::test]
async fn downloads_have_the_info_hash_and_the_announce_url_that_they_had() {
    for_each(async |site| {
        let webapi = site.start("webapi").await;
        let visitors = sign_in_all(site, &webapi).await;
        for member in list(&site.expected["members"]) {
            for torrent in list(&site.expected["torrents"]) {
                let id = torrent["id"].to_string();
                let path = format!("/api/torrents/{id}/metainfo");
                let file = visitors[text(&member["name"])].get(&path).await.bytes().await.expect("a file");
                let metainfo = Metainfo::parse(&file, &Limits::default()).expect("a torrent");
                let hash = metainfo.hashes.canonical().to_string();
                assert_eq!(hash, text(&torrent["info_hash"]));
                let v2 = metainfo.hashes.v2.map(|it| it.to_string());
                assert_eq!(json!(v2), torrent["info_hash_v2"]);
                let announce = metainfo.announce.map(String::from_utf8_lossy);
                assert_eq!(announce.as_deref(), member["announce_urls"][&id].as_str());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn announce_keys_are_answered_with_peers_and_counts() {
    for_each(async |site| {
        let tracker = site.start("tracker").await;
        let mut port: u16 = 20_000;
        for torrent in list(&site.expected["torrents"]) {
            let hash = text(&torrent["info_hash"]);
            for (earlier, member) in list(&site.expected["members"]).iter().enumerate() {
                // The key of the account, and that of the member's copy of the torrent.
                let keys =
                    [&member["body"]["announce_url"], &member["announce_urls"][torrent["id"].to_string()]];
                port += 2;
                tracker.announce(text(keys[0]), hash, port, 0).await;
                let answer = tracker.announce(text(keys[1]), hash, port + 1, 1).await;
                let number = |key: &str| json!(entry(&answer, key).and_then(bt::bencode::Value::int));
                let reason = String::from_utf8_lossy(&answer);
                assert_eq!(number("complete"), json!(earlier + 1), "{reason}");
                assert_eq!(number("incomplete"), json!(earlier + 1), "{reason}");
                assert_eq!(number("downloaded"), torrent["snatched"], "{reason}");
                let seeder = [&[127_u8, 0, 0, 1][..], &port.to_be_bytes()].concat();
                let peers = entry(&answer, "peers").and_then(bt::bencode::Value::string).expect("peers");
                assert!(peers.chunks(6).any(|it| it == seeder), "{reason}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn keys_that_were_refused_are_refused() {
    for_each(async |site| {
        let tracker = site.start("tracker").await;
        let here = text(&site.expected["torrents"][0]["info_hash"]);
        let deleted = &site.expected["deleted_torrent"];
        for (url, hash, words) in [
            (&site.expected["disabled"]["announce_url"], here, "disabled"),
            (&site.expected["former_announce_url"], here, "not valid"),
            (&deleted["announce_url"], text(&deleted["info_hash"]), "Unregistered"),
        ] {
            let answer = tracker.announce(text(url), hash, 20_000, 1).await;
            let reason = entry(&answer, "failure reason").and_then(bt::bencode::Value::string);
            let reason = String::from_utf8_lossy(reason.unwrap_or(&answer));
            assert!(reason.contains(words), "{reason}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_restart_file_is_taken_over() {
    for_each(async |site| {
        site.keep_swarms();
        let _tracker = site.start("tracker").await;
        // A file that is damaged or of an unknown version keeps its name.
        let stopped = site.file("swarms.stopped");
        eventually("the file is taken over", async || !stopped.exists()).await;
    })
    .await;
}

#[tokio::test]
async fn tokens_sessions_and_invites_open_what_they_opened() {
    for_each(async |site| {
        let webapi = site.start("webapi").await;
        let (token, session) = (&site.expected["token"], &site.expected["session"]);
        let by_token = webapi.visitor().with("authorization", format!("Bearer {}", text(&token["token"])));
        assert_eq!(by_token.json("/api/session").await["user"]["name"], token["member"]);
        let by_cookie = webapi.visitor().with("cookie", text(&session["cookie"]).to_owned());
        assert_eq!(by_cookie.json("/api/session").await["user"]["name"], session["member"]);
        for invite in list(&site.expected["invites"]) {
            let found = webapi.visitor().json(&format!("/api/invites/{}", text(&invite["secret"]))).await;
            assert_eq!(found["state"], invite["state"]);
        }
    })
    .await;
}
