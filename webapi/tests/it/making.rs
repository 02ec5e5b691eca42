//! .torrent files for tests, and the ways to upload them.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::support::{Answer, Browser};

/// A version 1 .torrent file of one file, with a name of its own.
pub(crate) fn single(name: &str, private: bool, announce: Option<&str>) -> Vec<u8> {
    let announce = announce.map(|it| format!("8:announce{}:{it}", it.len())).unwrap_or_default();
    let flag = if private { "7:privatei1e" } else { "" };
    let info = format!(
        "d6:lengthi20000e4:name{}:{name}12:piece lengthi16384e6:pieces40:{}{flag}e",
        name.len(),
        "x".repeat(40)
    );
    format!("d{announce}4:info{info}e").into_bytes()
}

/// A version 1 .torrent file of several files, each of 1000 bytes.
pub(crate) fn several(name: &str, paths: &[&str]) -> Vec<u8> {
    let entry = |path: &&str| {
        let parts: Vec<String> = path.split('/').map(|it| format!("{}:{it}", it.len())).collect();
        let parts = parts.concat();
        format!("d6:lengthi1000e4:pathl{parts}ee")
    };
    let files: String = paths.iter().map(entry).collect();
    let pieces = (paths.len() * 1000).div_ceil(16384) * 20;
    let info = format!(
        "d5:filesl{files}e4:name{}:{name}12:piece lengthi16384e6:pieces{pieces}:{}e",
        name.len(),
        "x".repeat(pieces)
    );
    format!("d4:info{info}e").into_bytes()
}

/// A form with the file and these texts.
fn form(form: Form, file: Vec<u8>, texts: &[(&str, &str)]) -> Form {
    let form = form.part("torrent", Part::bytes(file).file_name("a.torrent"));
    texts.iter().fold(form, |form, (name, text)| form.text((*name).to_owned(), (*text).to_owned()))
}

impl Browser {
    /// Sends the upload page's form.
    pub(crate) async fn upload_page(&self, file: Vec<u8>, texts: &[(&str, &str)]) -> Answer {
        let csrf = self.get("/upload").await.csrf();
        let form = form(Form::new().text("csrf", csrf), file, texts);
        Answer::of(self.request(Method::POST, "/upload").multipart(form)).await
    }

    /// Uploads by API.
    pub(crate) async fn upload(&self, file: Vec<u8>, texts: &[(&str, &str)]) -> Answer {
        let session: Value = self.get("/api/session").await.json();
        let token = session["csrf_token"].as_str().expect("signed in").to_owned();
        let request = self.request(Method::POST, "/api/torrents").header("x-csrf-token", token);
        Answer::of(request.multipart(form(Form::new(), file, texts))).await
    }

    /// Uploads by API a torrent of its own and answers its id.
    pub(crate) async fn add_torrent(&self, title: &str) -> i64 {
        let answer = self.upload(single(title, true, None), &[("title", title)]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["id"].as_i64().expect("an id")
    }

    /// The bytes of a download.
    pub(crate) async fn bytes(&self, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
        let response = self.request(Method::GET, path).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        (response.headers().clone(), response.bytes().await.expect("a body").to_vec())
    }
}
