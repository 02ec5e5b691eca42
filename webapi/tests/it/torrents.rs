//! Upload, download, change and delete torrents, by page and by API.

use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::making::{several, single};
use super::support::{Browser, TestSite};

#[tokio::test]
async fn an_upload_is_stored_and_listed() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let file = several("the name", &["a/1.txt", "a/b/2.txt", "3.txt"]);
    let answer = member.upload(file, &[("extended", r#"{"Year": 2026, "Who": "me"}"#)]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let uploaded = answer.json();
    assert_eq!(answer.location(), uploaded["links"]["self"]);
    let shown = member.get("/api/torrents/1").await.json();
    assert_eq!(shown["extended"], json!({"Year": 2026, "Who": "me"}));
    assert_eq!((&shown["uploader"]["name"], &shown["size"]), (&json!("wren"), &json!(3000)));
    assert_eq!((&shown["info_hash"], &shown["info_hash_v2"]), (&uploaded["info_hash"], &json!(null)));
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(3));
    assert_eq!(shown["seeders"], json!(null), "no tracker, no truth");
    let list = member.get("/api/torrents").await.json();
    assert_eq!((&list["items"][0]["title"], &list["total"]), (&json!("the name"), &json!(1)));
    site.stop().await;
}

#[tokio::test]
async fn a_description_is_rendered_and_its_markup_escaped() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.upload(single("a", true, None), &[("description", "# Hello\n\n<b>x</b>")]).await;
    let page = member.get("/torrents/1").await.body;
    assert!(page.contains("<h3>Hello</h3>") && page.contains("&lt;b&gt;"), "{page}");
    site.stop().await;
}

/// Whether the API asks `member` to download the torrent anew after the upload of `file`, and why.
async fn verdict(member: &Browser, file: Vec<u8>) -> (bool, String) {
    let answer = member.upload(file, &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let answer = answer.json();
    (answer["redownload"].as_bool().expect("a verdict"), answer["reason"].to_string())
}

/// The announce URL of `member`'s account.
async fn announce_url(member: &Browser) -> String {
    let id = member.get("/api/session").await.json()["user"]["id"].clone();
    let shown = member.get(&format!("/api/members/{id}")).await.json();
    shown["announce_url"].as_str().expect("a URL").to_owned()
}

#[tokio::test]
async fn an_upload_says_whether_the_own_file_is_right() {
    let site = TestSite::start_with(|config| config["trackerUrl"] = "http://tracker.example/t".into()).await;
    let member = site.member("wren", &[]).await;
    let own = announce_url(&member).await;
    let other = announce_url(&site.member("robin", &[]).await).await;
    for (name, private, announce, needed, reason) in [
        ("own", true, Some(&*own), false, "right as it is"),
        ("public", false, Some(&*own), true, "private flag"),
        ("elsewhere", true, Some("http://elsewhere.example/announce"), true, "another tracker"),
        ("other", true, Some(&*other), true, "another tracker"),
        ("none", true, None, true, "another tracker"),
    ] {
        let (redownload, sentence) = verdict(&member, single(name, private, announce)).await;
        assert_eq!(redownload, needed, "{name}: {sentence}");
        assert!(sentence.contains(reason), "{name}: {sentence}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_downloaded_file_is_right_for_its_torrent_alone() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    let (_, written) = member.bytes("/api/torrents/1/metainfo").await;
    let scoped =
        Metainfo::parse(&written, &Limits::default()).expect("read").announce.expect("a URL").to_vec();
    let scoped = String::from_utf8(scoped).expect("text");
    assert!(verdict(&member, single("b", true, Some(&scoped))).await.0);
    let gone = member.api(Method::DELETE, "/api/torrents/1", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(!verdict(&member, written).await.0);
    site.stop().await;
}

#[tokio::test]
async fn a_file_with_a_list_of_trackers_is_to_be_downloaded_anew() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let own = announce_url(&member).await;
    let mut listed = format!("d8:announce{}:{own}13:announce-listll6:http:/ee", own.len()).into_bytes();
    listed.extend_from_slice(&single("a", true, None)[1..]);
    assert!(verdict(&member, listed).await.0);
    site.stop().await;
}

#[tokio::test]
async fn the_page_of_an_upload_whose_file_is_right_says_so() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let own = announce_url(&member).await;
    let page = member.upload_page(single("a", true, Some(&own)), &[]).await;
    assert!(member.get(page.location()).await.body.contains("You can seed at once"));
    site.stop().await;
}

#[tokio::test]
async fn a_download_is_named_after_the_title_and_kept_by_no_cache() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let id = member.add_torrent("Été / 50% \"x\"").await;
    let (headers, _) = member.bytes(&format!("/torrents/{id}/download")).await;
    for (name, value) in [
        ("content-type", "application/x-bittorrent"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        (
            "content-disposition",
            "attachment; filename=\"_t_ _ 50_ _x_.torrent\"; filename*=UTF-8''%C3%89t%C3%A9%20_%2050%25%20_x_.torrent",
        ),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_download_carries_the_member_s_own_url() {
    let site = TestSite::start().await;
    let (wren, robin) = (site.member("wren", &[]).await, site.member("robin", &[]).await);
    wren.add_torrent("a").await;
    let (_, bytes) = wren.bytes("/torrents/1/download").await;
    let read = Metainfo::parse(&bytes, &Limits::default()).expect("it is read");
    let announce = String::from_utf8(read.announce.expect("a URL").to_vec()).expect("text");
    assert!(announce.starts_with("https://tracker.example.org/announce/"), "{announce}");
    let (_, others) = robin.bytes("/api/torrents/1/metainfo").await;
    assert_ne!(bytes, others, "each has a URL of their own");
    site.stop().await;
}

#[tokio::test]
async fn a_download_that_is_uploaded_again_is_here_already() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    let (_, bytes) = member.bytes("/torrents/1/download").await;
    let again = member.upload(bytes, &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.json()["error"]["code"], "torrent_exists");
    assert!(again.body.contains("/torrents/1"), "{}", again.body);
    site.stop().await;
}

#[tokio::test]
async fn other_members_neither_change_nor_delete_a_torrent() {
    let site = TestSite::start().await;
    let (wren, robin) = (site.member("wren", &[]).await, site.member("robin", &[]).await);
    wren.add_torrent("a").await;
    for (method, body) in [(Method::PATCH, Some(json!({ "title": "x" }))), (Method::DELETE, None)] {
        let answer = robin.api(method.clone(), "/api/torrents/1", body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method}");
    }
    for page in ["/torrents/1/edit", "/torrents/1/delete"] {
        assert_eq!(robin.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
        let answer = robin.post_from("/upload", page, &[("title", "x")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
    }
    assert!(!robin.get("/torrents/1").await.body.contains("/edit"));
    site.stop().await;
}

#[tokio::test]
async fn a_change_by_api_keeps_what_it_does_not_name() {
    let site = TestSite::start().await;
    let (wren, owl) = (site.member("wren", &[]).await, site.member("owl", &["moderator"]).await);
    wren.add_torrent("first").await;
    let both = Some(json!({"title": "second", "extended": {"a": 1}}));
    let changed = owl.api(Method::PATCH, "/api/torrents/1", both).await;
    assert_eq!((changed.status, &changed.json()["title"]), (StatusCode::OK, &json!("second")));
    assert_eq!(wren.get("/api/torrents?search=second").await.json()["items"][0]["id"], 1);
    let changed = wren.api(Method::PATCH, "/api/torrents/1", Some(json!({"extended": null}))).await.json();
    assert_eq!((&changed["title"], &changed["extended"]), (&json!("second"), &json!(null)));
    site.stop().await;
}

#[tokio::test]
async fn changes_by_api_that_cannot_be_are_refused() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    for (change, status) in [
        (json!({ "title": " " }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "colour": 1 }), StatusCode::BAD_REQUEST),
    ] {
        let answer = member.api(Method::PATCH, "/api/torrents/1", Some(change)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    site.stop().await;
}

#[tokio::test]
async fn the_edit_form_changes_a_torrent_once_it_is_right() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    let edit = "/torrents/1/edit";
    let bad = member.post_from(edit, edit, &[("title", "b"), ("extended", "{")]).await;
    assert_eq!((bad.status, bad.field("title")), (StatusCode::UNPROCESSABLE_ENTITY, "b".to_owned()));
    assert_eq!(member.get("/api/torrents/1").await.json()["title"], "a");
    let done = member.post_from(edit, edit, &[("title", "b"), ("description", "d")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let shown = member.get("/api/torrents/1").await.json();
    assert_eq!((&shown["title"], &shown["description"]), (&json!("b"), &json!("d")));
    site.stop().await;
}

#[tokio::test]
async fn a_torrent_is_deleted_with_all_that_belongs_to_it() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    let delete = "/torrents/1/delete";
    assert_eq!(member.post_from(delete, delete, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(member.get("/api/torrents/1").await.status, StatusCode::NOT_FOUND);
    for table in ["files", "metainfo", "torrent_counts"] {
        assert_eq!(site.value::<i64>(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    site.stop().await;
}

#[tokio::test]
async fn limits_are_told_in_sentences() {
    let site = TestSite::start_with(|config| {
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
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let form = reqwest::multipart::Form::new()
        .part("torrent", reqwest::multipart::Part::bytes(single("a", true, None)));
    let answer = member.request(Method::POST, "/upload").multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(site.value::<i64>("select count(*) from torrents").await, 0);
    site.stop().await;
}

/// A site with a torrent of 2100 files.
async fn many_files() -> (TestSite, Browser) {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let paths: Vec<String> = (0..2100).map(|it| format!("f{it}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let answer = member.upload(several("many", &paths), &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    (site, member)
}

#[tokio::test]
async fn pages_of_long_file_lists_lead_on_and_back() {
    let (site, member) = many_files().await;
    let page = member.get("/torrents/1").await.body;
    assert!(page.contains(r#"href="/torrents/1/files?after=1999""#), "{page}");
    let rest = member.get("/torrents/1/files?after=1999").await.body;
    assert!(rest.contains("Files 2001 to 2100") && rest.contains(">f2099<") && !rest.contains(">f1999<"));
    assert!(rest.contains(r#"href="/torrents/1/files""#), "the way back");
    site.stop().await;
}

#[tokio::test]
async fn long_file_lists_are_paged_by_api() {
    let (site, member) = many_files().await;
    let shown = member.get("/api/torrents/1").await.json();
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(2000));
    let more = site.path_of(shown["more_files"].as_str().expect("an address"));
    let rest = member.get(&more).await.json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next"]), (Some(100), &json!(null)));
    assert_eq!((&rest["items"][0]["path"], &rest["total"]), (&json!("f2000"), &json!(2100)));
    let first = member.get("/api/torrents/1/files?limit=3").await.json();
    assert_eq!((first["items"].as_array().map(Vec::len), &first["next"]), (Some(3), &json!("2")));
    site.stop().await;
}

#[tokio::test]
async fn file_lists_that_cannot_be_are_refused() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("one").await;
    assert_eq!(member.get("/api/torrents/1").await.json()["more_files"], json!(null));
    for wrong in ["limit=0", "limit=2001", "after=x", "after=99999999999"] {
        let answer = member.get(&format!("/api/torrents/1/files?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(member.get("/api/torrents/2/files").await.status, StatusCode::NOT_FOUND);
    site.stop().await;
}
