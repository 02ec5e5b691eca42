//! `words()`, which titles and queries pass through alike.

use infra::testing::TestDatabase;

#[tokio::test]
async fn case_accents_and_punctuation_make_no_difference() {
    let database = TestDatabase::create().await.expect("a database");
    let client = database.client().await.expect("a connection");
    for (text, expected) in [
        ("Wren.House-2026_x264", "wren house 2026 x264"),
        ("Ångström Café — ÉTÉ", "angstrom cafe ete"),
        ("it's [1080p] (v2)", "it s 1080p v2 "),
        ("ﬁle №5", "file no5"),
        ("Йод", "иод"),
        ("鳥の歌", "鳥の歌"),
        ("...", " "),
        ("", ""),
    ] {
        let row = client.query_one("select words($1) as words", &[&text]).await.expect("words");
        assert_eq!(row.get::<_, &str>("words"), expected, "{text}");
    }
    database.drop_now().await.expect("dropped");
}
