//! Upload, download, change and delete torrents, by page and by API.

use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::making::{several, single};
use super::support::Site;

#[tokio::test]
async fn an_upload_is_stored_shown_and_listed() {
    let site = Site::start().await;
    let member = site.member("wren", &[]).await;
    let file = several("the name", &["a/1.txt", "a/b/2.txt", "3.txt"]);
    let texts = [("description", "# Hello\n\n<b>x</b>"), ("extended", r#"{"Year": 2026, "Who": "me"}"#)];
    let answer = member.upload(file, &texts).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let uploaded = answer.json();
    assert_eq!(answer.location(), uploaded["links"]["self"]);
    assert_eq!(uploaded["redownload"], true);
    let shown = member.get("/api/torrents/1").await.json();
    assert_eq!(shown["title"], "the name");
    assert_eq!(shown["size"], 3000);
    assert_eq!(shown["uploader"]["name"], "wren");
    assert_eq!(shown["extended"], json!({"Year": 2026, "Who": "me"}));
    assert_eq!(shown["seeders"], json!(null), "no tracker, no truth");
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(3));
    assert_eq!(shown["info_hash"], uploaded["info_hash"]);
    assert_eq!(shown["info_hash_v2"], json!(null));
    let page = member.get("/torrents/1").await.body;
    for part in ["<h3>Hello</h3>", "&lt;b&gt;", "Year", "2026", "2.txt", "–", "/torrents/1/edit"] {
        assert!(page.contains(part), "{part}");
    }
    let list = member.get("/api/torrents").await.json();
    assert_eq!((list["items"][0]["id"].as_i64(), list["total"].as_i64()), (Some(1), Some(1)));
    assert!(member.get("/").await.body.contains("the name"));
    site.stop().await;
}

#[tokio::test]
async fn the_verdict_says_whether_the_own_file_is_right() {
    let site = Site::start_with(|config| config["trackerUrl"] = "http://tracker.example/t".into()).await;
    let member = site.member("wren", &[]).await;
    let me = member.get("/api/session").await.json()["user"]["id"].as_i64().expect("an id");
    let own = member.get(&format!("/api/members/{me}")).await.json()["announce_url"].clone();
    let own = own.as_str().expect("a URL").to_owned();
    let other = site.member("robin", &[]).await;
    let verdict = async |file: Vec<u8>| {
        let answer = member.upload(file, &[]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let answer = answer.json();
        (answer["redownload"].as_bool().expect("a verdict"), answer["reason"].to_string())
    };
    assert!(!verdict(single("a", true, Some(&own))).await.0);
    let (needed, reason) = verdict(single("b", false, Some(&own))).await;
    assert!(needed && reason.contains("private flag"), "{reason}");
    let (needed, reason) = verdict(single("c", true, Some("http://elsewhere.example/announce"))).await;
    assert!(needed && reason.contains("another tracker"), "{reason}");
    assert!(verdict(single("d", true, None)).await.0);
    // A torrent's own URL opens that torrent only.
    let (_, written) = member.bytes("/api/torrents/1/metainfo").await;
    let scoped =
        Metainfo::parse(&written, &Limits::default()).expect("read").announce.expect("a URL").to_vec();
    let scoped = String::from_utf8(scoped).expect("text");
    assert!(verdict(single("e", true, Some(&scoped))).await.0);
    let gone = member.api(Method::DELETE, "/api/torrents/1", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(!verdict(written).await.0);
    // Another member's key is not theirs.
    let answer = other.upload(single("f", true, Some(&own)), &[]).await.json();
    assert_eq!(answer["redownload"], true);
    // A list of trackers names others.
    let listed = format!("d8:announce{}:{own}13:announce-listll6:http:/eee", own.len());
    let mut listed = listed.into_bytes();
    listed.pop();
    let whole = single("g", true, None);
    listed.extend_from_slice(&whole[1..]);
    assert!(verdict(listed).await.0);
    let page = member.upload_page(single("h", true, Some(&own)), &[]).await;
    assert!(member.get(page.location()).await.body.contains("You can seed at once"));
    let page = member.upload_page(single("i", false, None), &[]).await;
    assert!(member.get(page.location()).await.body.contains("private flag"));
    site.stop().await;
}

#[tokio::test]
async fn a_download_carries_the_member_s_url_and_survives_the_way_back() {
    let site = Site::start().await;
    let member = site.member("wren", &[]).await;
    let id = member.add_torrent("Été / 50% \"x\"").await;
    let (headers, bytes) = member.bytes(&format!("/torrents/{id}/download")).await;
    let value = |name: &str| headers[name].to_str().expect("text").to_owned();
    assert_eq!(value("content-type"), "application/x-bittorrent");
    assert_eq!(value("x-content-type-options"), "nosniff");
    assert_eq!(value("cache-control"), "no-store");
    assert_eq!(
        value("content-disposition"),
        "attachment; filename=\"_t_ _ 50_ _x_.torrent\"; filename*=UTF-8''%C3%89t%C3%A9%20_%2050%25%20_x_.torrent"
    );
    let read = Metainfo::parse(&bytes, &Limits::default()).expect("it is read");
    let announce = String::from_utf8(read.announce.expect("a URL").to_vec()).expect("text");
    assert!(announce.starts_with("https://tracker.example.org/announce/"), "{announce}");
    let again = member.upload(bytes.clone(), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.json()["error"]["code"], "torrent_exists");
    assert!(again.body.contains(&format!("/torrents/{id}")), "{}", again.body);
    let other = site.member("robin", &[]).await;
    let (_, others) = other.bytes(&format!("/api/torrents/{id}/metainfo")).await;
    assert_ne!(bytes, others, "each has a URL of their own");
    site.stop().await;
}

#[tokio::test]
async fn only_uploader_and_staff_change_and_delete() {
    let site = Site::start().await;
    let owner = site.member("wren", &[]).await;
    let other = site.member("robin", &[]).await;
    let staff = site.member("owl", &["moderator"]).await;
    let id = owner.add_torrent("first title").await;
    let path = format!("/api/torrents/{id}");
    let change = |title: &str| Some(json!({ "title": title }));
    assert_eq!(other.api(Method::PATCH, &path, change("x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(other.api(Method::DELETE, &path, None).await.status, StatusCode::FORBIDDEN);
    for page in ["edit", "delete"] {
        let address = format!("/torrents/{id}/{page}");
        assert_eq!(other.get(&address).await.status, StatusCode::FORBIDDEN);
        assert_eq!(
            other.post_from("/upload", &address, &[("title", "x")]).await.status,
            StatusCode::FORBIDDEN
        );
    }
    assert!(!other.get(&format!("/torrents/{id}")).await.body.contains("/edit"));
    let changed =
        staff.api(Method::PATCH, &path, Some(json!({"title": "second", "extended": {"a": 1}}))).await;
    assert_eq!((changed.status, &changed.json()["title"]), (StatusCode::OK, &json!("second")));
    assert_eq!(owner.get("/api/torrents?search=second").await.json()["items"][0]["id"], id);
    let changed = owner.api(Method::PATCH, &path, Some(json!({"extended": null}))).await.json();
    assert_eq!((&changed["title"], &changed["extended"]), (&json!("second"), &json!(null)));
    assert_eq!(owner.api(Method::PATCH, &path, change(" ")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        owner.api(Method::PATCH, &path, Some(json!({"colour": 1}))).await.status,
        StatusCode::BAD_REQUEST
    );
    let edit = format!("/torrents/{id}/edit");
    let bad = owner.post_from(&edit, &edit, &[("title", "third"), ("extended", "{")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.body.contains("line 1") && bad.field("title") == "third");
    let done = owner.post_from(&edit, &edit, &[("title", "third"), ("description", "d")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let delete = format!("/torrents/{id}/delete");
    assert!(owner.get(&delete).await.body.contains("third"));
    assert_eq!(owner.post_from(&delete, &delete, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
    for table in ["files", "metainfo", "torrent_counts"] {
        assert_eq!(site.value::<i64>(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    site.stop().await;
}

#[tokio::test]
async fn limits_are_told_in_sentences() {
    let site = Site::start_with(|config| {
        config["webapi"]["uploadMaxBytes"] = 2000.into();
        config["webapi"]["uploadMaxTokens"] = 100.into();
    })
    .await;
    let member = site.member("wren", &[]).await;
    let large = member.upload(vec![b'x'; 2001], &[]).await;
    assert_eq!(
        (large.status, large.body.contains("larger than 1.9 KiB")),
        (StatusCode::PAYLOAD_TOO_LARGE, true)
    );
    let large = member.upload_page(vec![b'x'; 100_000], &[("title", "kept")]).await;
    assert_eq!((large.status, large.field("title")), (StatusCode::PAYLOAD_TOO_LARGE, "kept".to_owned()));
    let many = member.upload(format!("d4:infol{}ee", "i1e".repeat(200)).into_bytes(), &[]).await;
    assert_eq!(many.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(many.json()["error"]["fields"]["torrent"].to_string().contains("100 values"), "{}", many.body);
    let none = member.upload(Vec::new(), &[("title", &"x".repeat(301))]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    let several =
        member.upload(b"no".to_vec(), &[("title", &"x".repeat(301)), ("extended", "[]")]).await.json();
    let fields = several["error"]["fields"].as_object().expect("fields").clone();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["extended", "title", "torrent"]);
    let plain = member.api(Method::POST, "/api/torrents", Some(json!({}))).await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    site.stop().await;
}

#[tokio::test]
async fn the_upload_form_needs_its_token_first() {
    let site = Site::start().await;
    let member = site.member("wren", &[]).await;
    let form = reqwest::multipart::Form::new()
        .part("torrent", reqwest::multipart::Part::bytes(single("a", true, None)));
    let answer = member.request(Method::POST, "/upload").multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(site.value::<i64>("select count(*) from torrents").await, 0);
    site.stop().await;
}

#[tokio::test]
async fn long_file_lists_are_paged() {
    let site = Site::start().await;
    let member = site.member("wren", &[]).await;
    let paths: Vec<String> = (0..2100).map(|it| format!("f{it}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let answer = member.upload(several("many", &paths), &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let page = member.get("/torrents/1").await.body;
    assert!(page.contains(r#"href="/torrents/1/files?after=1999""#), "{page}");
    let rest = member.get("/torrents/1/files?after=1999").await.body;
    assert!(rest.contains("Files 2001 to 2100") && rest.contains(">f2099<") && !rest.contains(">f1999<"));
    assert!(rest.contains(r#"href="/torrents/1/files""#), "the way back");
    let shown = member.get("/api/torrents/1").await.json();
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(2000));
    let more = shown["more_files"].as_str().and_then(|it| it.strip_prefix(&site.url)).expect("an address");
    let rest = member.get(more).await.json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next"]), (Some(100), &json!(null)));
    assert_eq!((&rest["items"][0]["path"], &rest["total"]), (&json!("f2000"), &json!(2100)));
    let first = member.get("/api/torrents/1/files?limit=3").await.json();
    assert_eq!((first["items"].as_array().map(Vec::len), &first["next"]), (Some(3), &json!("2")));
    for wrong in ["limit=0", "limit=2001", "after=x", "after=99999999999"] {
        let answer = member.get(&format!("/api/torrents/1/files?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(member.get("/api/torrents/2/files").await.status, StatusCode::NOT_FOUND);
    let single = member.add_torrent("one").await;
    assert_eq!(member.get(&format!("/api/torrents/{single}")).await.json()["more_files"], json!(null));
    site.stop().await;
}
