use super::*;
use crate::db::testing::{PASSWORD_HASH, add_torrent, add_user, client, connect, run_sql, value, words};
use infra::testing::TestDatabase;
use time::macros::datetime;

/// Names of accounts as [`list`] answers them.
fn names_of(profiles: &[Profile]) -> Vec<&str> {
    profiles.iter().map(|it| it.account.name.as_str()).collect()
}

#[tokio::test]
async fn find_enabled_has_roles_and_what_they_allow() {
    let client = client().await;
    let wren = add_user(&client, "Wren", &["moderator", "inviter"]).await;
    run_sql(&client, "update users set created_at = '2026-11-21 12:00Z', key_version = 3").await;
    let found = find_enabled(&client, wren).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str()), (wren, "Wren"));
    assert_eq!(found.roles, ["inviter", "moderator"]);
    let mut permissions = found.permissions;
    permissions.sort();
    let expected = [
        "invite.create",
        "member.reset_password",
        "member.view_private",
        "swarm.view",
        "torrent.edit_any",
        "torrent.view_snatches",
    ];
    assert_eq!(permissions, expected);
    assert_eq!(found.created_at, datetime!(2026-11-21 12:00 UTC));
    assert_eq!(found.disabled_at, None);
    assert_eq!((found.key.version, found.key.nonce.as_bytes().len()), (3, 16));
}

#[tokio::test]
async fn find_enabled_names_a_permission_of_two_roles_once() {
    let client = client().await;
    let wren = add_user(&client, "wren", &["administrator", "inviter"]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let found = find_enabled(&client, wren).await.unwrap().unwrap();
    assert_eq!(found.permissions.iter().filter(|it| *it == "invite.create").count(), 1);
    let plain = find_enabled(&client, robin).await.unwrap().unwrap();
    assert_eq!((plain.roles.len(), plain.permissions.len()), (0, 0));
}

#[tokio::test]
async fn find_enabled_leaves_out_disabled_and_missing_accounts() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    run_sql(&client, "update users set disabled_at = now()").await;
    assert!(find_enabled(&client, wren).await.unwrap().is_none());
    assert!(find_enabled(&client, UserId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn profile_has_uploads_inviter_and_sums_of_any_account() {
    let client = client().await;
    let robin = add_user(&client, "robin", &[]).await;
    let wren = add_user(&client, "wren", &[]).await;
    for number in 1..=2 {
        add_torrent(&client, number, "A torrent", wren).await;
    }
    run_sql(
        &client,
        &format!(
            "update users set invited_by = {robin}, disabled_at = '2026-11-21 12:00Z' where id = {wren};
             insert into user_totals (user_id, uploaded, downloaded, seeded_seconds, leeched_seconds)
             values ({wren}, 1, 2, 3, 4)"
        ),
    )
    .await;
    let found = profile(&client, wren).await.unwrap().unwrap();
    assert_eq!((found.account.id, found.torrents), (wren, 2));
    assert_eq!(found.account.disabled_at, Some(datetime!(2026-11-21 12:00 UTC)));
    assert_eq!(found.inviter, Some(Named { id: robin, name: "robin".to_owned() }));
    let Totals { uploaded, downloaded, seeded_seconds, leeched_seconds } = found.totals;
    assert_eq!((uploaded, downloaded, seeded_seconds, leeched_seconds), (1, 2, 3, 4));
    let plain = profile(&client, robin).await.unwrap().unwrap();
    assert_eq!((plain.torrents, plain.inviter, plain.totals.uploaded), (0, None, 0));
    assert!(profile(&client, UserId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn list_goes_on_behind_a_name_in_any_case() {
    let client = client().await;
    for name in ["Wren", "wagtail", "Wader", "robin"] {
        add_user(&client, name, &[]).await;
    }
    for (prefix, after, limit, expected) in [
        ("", None, 10, vec!["robin", "Wader", "wagtail", "Wren"]),
        ("", None, 2, vec!["robin", "Wader"]),
        ("", Some("WADER"), 2, vec!["wagtail", "Wren"]),
        ("", Some("wren"), 2, vec![]),
        ("WA", None, 10, vec!["Wader", "wagtail"]),
        ("wa", Some("wader"), 10, vec!["wagtail"]),
        ("_", None, 10, vec![]),
        ("%", None, 10, vec![]),
    ] {
        let found = list(&client, prefix, after, limit).await.unwrap();
        assert_eq!(names_of(&found), expected, "{prefix:?} {after:?}");
    }
}

#[tokio::test]
async fn count_takes_prefixes_literally_and_in_any_case() {
    let client = client().await;
    for name in ["Wren", "wader", "a_b"] {
        add_user(&client, name, &[]).await;
    }
    for (prefix, expected) in [("", 3), ("W", 2), ("WREN", 1), ("x", 0), ("%", 0), ("a_", 1), ("_", 0)] {
        assert_eq!(count(&client, prefix).await.unwrap(), expected, "{prefix:?}");
    }
}

#[tokio::test]
async fn any_tells_whether_there_is_an_account() {
    let client = client().await;
    assert!(!any(&client).await.unwrap());
    add_user(&client, "wren", &[]).await;
    assert!(any(&client).await.unwrap());
}

#[tokio::test]
async fn credentials_are_found_by_the_name_in_any_case() {
    let client = client().await;
    let wren = add_user(&client, "Wren", &[]).await;
    let found = credentials(&client, "wREN").await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str(), found.disabled), (wren, "Wren", false));
    assert_eq!(found.password_hash, PASSWORD_HASH);
    run_sql(&client, "update users set disabled_at = now()").await;
    assert!(credentials(&client, "Wren").await.unwrap().unwrap().disabled);
    assert!(credentials(&client, "Wre").await.unwrap().is_none());
}

#[tokio::test]
async fn password_hash_is_that_of_one_account() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    add_user(&client, "robin", &[]).await;
    run_sql(&client, "update users set password_hash = 'another' where name = 'robin'").await;
    assert_eq!(password_hash(&client, wren).await.unwrap().as_deref(), Some(PASSWORD_HASH));
    assert_eq!(password_hash(&client, UserId(99)).await.unwrap(), None);
}

#[tokio::test]
async fn insert_adds_an_account_with_its_roles() {
    let client = client().await;
    let robin = add_user(&client, "robin", &[]).await;
    let roles = words(&["moderator", "inviter"]);
    let new = NewUser { name: "Wren", password_hash: "a hash", invited_by: Some(robin), roles: &roles };
    let wren = insert(&client, &new).await.unwrap();
    let found = profile(&client, wren).await.unwrap().unwrap();
    assert_eq!((found.account.name.as_str(), found.inviter.unwrap().id), ("Wren", robin));
    assert_eq!(found.account.roles, ["inviter", "moderator"]);
    assert_eq!(password_hash(&client, wren).await.unwrap().as_deref(), Some("a hash"));
}

#[tokio::test]
async fn insert_names_the_constraint_that_a_new_account_violates() {
    let client = client().await;
    add_user(&client, "Wren", &[]).await;
    for (name, role, constraint) in [
        ("wREN", "inviter", "users_name_unique"),
        ("a name", "inviter", "users_name_form"),
        ("robin", "king", "user_roles_role_fkey"),
    ] {
        let new = NewUser { name, password_hash: "a hash", invited_by: None, roles: &words(&[role]) };
        let error = insert(&client, &new).await.unwrap_err();
        assert_eq!(infra::db::violated(&error), Some(constraint));
    }
}

#[tokio::test]
async fn set_password_changes_only_what_it_was_checked_against() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    assert!(!set_password(&client, wren, "replaced meanwhile", "new").await.unwrap());
    assert_eq!(password_hash(&client, wren).await.unwrap().as_deref(), Some(PASSWORD_HASH));
    assert!(set_password(&client, wren, PASSWORD_HASH, "new").await.unwrap());
    assert_eq!(password_hash(&client, wren).await.unwrap().as_deref(), Some("new"));
    assert_eq!(password_hash(&client, robin).await.unwrap().as_deref(), Some(PASSWORD_HASH));
}

#[tokio::test]
async fn replace_password_changes_one_account_whatever_it_had() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    replace_password(&client, wren, "new").await.unwrap();
    assert_eq!(password_hash(&client, wren).await.unwrap().as_deref(), Some("new"));
    assert_eq!(password_hash(&client, robin).await.unwrap().as_deref(), Some(PASSWORD_HASH));
}

#[tokio::test]
async fn lock_keeps_others_from_one_row_until_the_transaction_ends() {
    let database = TestDatabase::create().await.unwrap();
    let (mut client, other) = (connect(&database).await, connect(&database).await);
    let wren = add_user(&client, "wren", &[]).await;
    add_user(&client, "robin", &[]).await;
    let free = "select count(*) from (select from users for share skip locked) as free";
    let transaction = client.transaction().await.unwrap();
    lock(&transaction, wren).await.unwrap();
    assert_eq!(value::<i64>(&other, free).await, 1);
    transaction.commit().await.unwrap();
    assert_eq!(value::<i64>(&other, free).await, 2);
}

#[tokio::test]
async fn reset_key_binds_keys_to_a_new_version_and_nonce() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let before = find_enabled(&client, wren).await.unwrap().unwrap().key;
    let other = find_enabled(&client, robin).await.unwrap().unwrap().key;
    let after = reset_key(&client, wren).await.unwrap();
    assert_eq!((before.version, after.version), (0, 1));
    assert_ne!(after.nonce, before.nonce);
    assert_eq!(find_enabled(&client, wren).await.unwrap().unwrap().key, after);
    assert_eq!(find_enabled(&client, robin).await.unwrap().unwrap().key, other);
    let former: Vec<u8> = value(&client, "select former_key_nonce from users where name = 'wren'").await;
    assert_eq!(former, before.nonce.as_bytes());
}

#[tokio::test]
async fn set_disabled_keeps_the_first_time_and_can_be_undone() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    set_disabled(&client, wren, true).await.unwrap();
    assert!(find_enabled(&client, wren).await.unwrap().is_none());
    assert!(find_enabled(&client, robin).await.unwrap().is_some());
    run_sql(&client, "update users set disabled_at = '2026-11-21 12:00Z' where name = 'wren'").await;
    set_disabled(&client, wren, true).await.unwrap();
    let since = profile(&client, wren).await.unwrap().unwrap().account.disabled_at;
    assert_eq!(since, Some(datetime!(2026-11-21 12:00 UTC)));
    set_disabled(&client, wren, false).await.unwrap();
    assert!(find_enabled(&client, wren).await.unwrap().is_some());
}

#[tokio::test]
async fn uploads_are_a_members_newest() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    add_torrent(&client, 1, "First", wren).await;
    let second = add_torrent(&client, 2, "Second", wren).await;
    let third = add_torrent(&client, 3, "Third", wren).await;
    add_torrent(&client, 4, "Of another", robin).await;
    run_sql(&client, "update torrents set created_at = '2026-11-21 12:00Z'").await;
    let found = uploads(&client, wren, 2).await.unwrap();
    let found: Vec<_> = found.iter().map(|it| (it.id, it.title.as_str(), it.created_at)).collect();
    let at = datetime!(2026-11-21 12:00 UTC);
    assert_eq!(found, [(third, "Third", at), (second, "Second", at)]);
    assert!(uploads(&client, UserId(99), 2).await.unwrap().is_empty());
}

#[tokio::test]
async fn names_leave_out_ids_that_no_member_has() {
    let client = client().await;
    let wren = add_user(&client, "Wren", &[]).await;
    add_user(&client, "robin", &[]).await;
    let found = names(&client, &[UserId(99), wren]).await.unwrap();
    assert_eq!(found, [Named { id: wren, name: "Wren".to_owned() }]);
    assert!(names(&client, &[]).await.unwrap().is_empty());
}
