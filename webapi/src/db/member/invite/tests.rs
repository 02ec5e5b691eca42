use super::*;
use crate::db::testing::{add_user, client, run_sql, value, words};
use deadpool_postgres::Client;

/// An invite for a week.
async fn add(client: &Client, created_by: Option<UserId>) -> InviteId {
    let roles = words(&["inviter"]);
    let new = NewInvite { created_by, nonce: &[7; 16], roles: &roles, note: None, days: 7 };
    insert(client, &new).await.unwrap().id
}

/// Ways in which an invite ends, as changes of its row.
const ENDS: [&str; 3] = ["claimed_at = now()", "revoked_at = now()", "expires_at = now()"];

async fn set(client: &Client, id: InviteId, change: &str) {
    run_sql(client, &format!("update invites set {change} where id = {id}")).await;
}

#[tokio::test]
async fn find_tells_how_an_invite_ended() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let id = add(&client, Some(wren)).await;
    let open = find(&client, id).await.unwrap().unwrap();
    assert_eq!((open.id, open.created_by, open.nonce), (id, Some(wren), vec![7; 16]));
    assert_eq!((open.revoked, open.expired, open.claimed_at, open.claimed_by), (false, false, None, None));
    set(&client, id, "expires_at = now(), revoked_at = now(), note = 'for a friend'").await;
    let ended = find(&client, id).await.unwrap().unwrap();
    assert_eq!((ended.revoked, ended.expired, ended.note.as_deref()), (true, true, Some("for a friend")));
    set(&client, id, &format!("claimed_at = '2026-11-21 12:00Z', claimed_by = {robin}")).await;
    let claimed = find(&client, id).await.unwrap().unwrap();
    assert_eq!(claimed.claimed_at, Some(time::macros::datetime!(2026-11-21 12:00 UTC)));
    assert_eq!(claimed.claimed_by.as_deref(), Some("robin"));
    assert!(find(&client, InviteId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn find_calls_the_first_accounts_invite_revoked_once_there_is_an_account() {
    let client = client().await;
    let id = add(&client, None).await;
    assert!(!find(&client, id).await.unwrap().unwrap().revoked);
    add_user(&client, "wren", &[]).await;
    assert!(find(&client, id).await.unwrap().unwrap().revoked);
    set(&client, id, "claimed_at = now()").await;
    assert!(!find(&client, id).await.unwrap().unwrap().revoked);
}

#[tokio::test]
async fn list_goes_on_below_an_id() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let first = add(&client, Some(wren)).await;
    let second = add(&client, Some(wren)).await;
    add(&client, Some(robin)).await;
    let third = add(&client, Some(wren)).await;
    set(&client, second, "revoked_at = now()").await;
    for (before, limit, expected) in [
        (None, 10, vec![third, second, first]),
        (None, 2, vec![third, second]),
        (Some(second), 2, vec![first]),
        (Some(first), 2, vec![]),
    ] {
        let found = list(&client, wren, before, limit).await.unwrap();
        let ids: Vec<_> = found.iter().map(|it| it.id).collect();
        assert_eq!(ids, expected, "{before:?}");
    }
}

#[tokio::test]
async fn count_has_invites_that_ended_too() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    for end in ENDS {
        let id = add(&client, Some(wren)).await;
        set(&client, id, end).await;
    }
    assert_eq!(count(&client, wren).await.unwrap(), 3);
    assert_eq!(count(&client, robin).await.unwrap(), 0);
}

#[tokio::test]
async fn count_open_leaves_out_invites_that_ended() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    for end in ENDS {
        let id = add(&client, Some(wren)).await;
        set(&client, id, end).await;
    }
    assert_eq!(count_open(&client, wren).await.unwrap(), 0);
    add(&client, Some(wren)).await;
    assert_eq!(count_open(&client, wren).await.unwrap(), 1);
    assert_eq!(count_open(&client, robin).await.unwrap(), 0);
}

#[tokio::test]
async fn sweep_deletes_invites_some_days_after_their_earliest_end() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    for end in ["claimed_at", "revoked_at", "expires_at"] {
        for hours in [7 * 24 + 2, 7 * 24 - 2] {
            let id = add(&client, Some(wren)).await;
            set(&client, id, &format!("{end} = now() - interval '{hours} hours', note = '{end} {hours}'"))
                .await;
        }
    }
    add(&client, Some(wren)).await;
    assert_eq!(sweep(&client, 7).await.unwrap(), 3);
    let left: Vec<Option<String>> = value(&client, "select array_agg(note order by id) from invites").await;
    let left: Vec<_> = left.iter().map(Option::as_deref).collect();
    let expected = [Some("claimed_at 166"), Some("revoked_at 166"), Some("expires_at 166"), None];
    assert_eq!(left, expected);
}

#[tokio::test]
async fn find_first_answers_the_latest_open_invite_without_a_maker() {
    let client = client().await;
    assert!(find_first(&client).await.unwrap().is_none());
    let wren = add_user(&client, "wren", &[]).await;
    add(&client, None).await;
    let latest = add(&client, None).await;
    add(&client, Some(wren)).await;
    for end in ENDS {
        let id = add(&client, None).await;
        set(&client, id, end).await;
    }
    assert_eq!(find_first(&client).await.unwrap().unwrap().id, latest);
}

#[tokio::test]
async fn insert_answers_the_new_invite() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let roles = words(&["inviter", "moderator"]);
    let note = Some("for a friend");
    let new = NewInvite { created_by: Some(wren), nonce: &[7; 16], roles: &roles, note, days: 7 };
    let made = insert(&client, &new).await.unwrap();
    assert_eq!((made.created_by, made.nonce, made.note.as_deref()), (Some(wren), vec![7; 16], note));
    assert_eq!((made.revoked, made.expired, made.claimed_at, made.claimed_by), (false, false, None, None));
    let kept = format!(
        "select expires_at = created_at + interval '7 days' and roles = '{{inviter,moderator}}'
         from invites where id = {}",
        made.id
    );
    assert!(value::<bool>(&client, &kept).await);
}

#[tokio::test]
async fn claim_answers_maker_and_roles_once() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add(&client, Some(wren)).await;
    let other = add(&client, Some(wren)).await;
    let claimed = claim(&client, id).await.unwrap().unwrap();
    assert_eq!((claimed.created_by, claimed.roles), (Some(wren), vec!["inviter".to_owned()]));
    assert!(find(&client, id).await.unwrap().unwrap().claimed_at.is_some());
    assert!(find(&client, other).await.unwrap().unwrap().claimed_at.is_none());
    assert!(claim(&client, id).await.unwrap().is_none());
    assert!(claim(&client, InviteId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn claim_refuses_invites_that_ended() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    for end in ENDS {
        let id = add(&client, Some(wren)).await;
        set(&client, id, end).await;
        assert!(claim(&client, id).await.unwrap().is_none(), "{end}");
    }
}

#[tokio::test]
async fn claim_of_the_first_accounts_invite_needs_a_site_without_accounts() {
    let client = client().await;
    let (first, second) = (add(&client, None).await, add(&client, None).await);
    assert_eq!(claim(&client, first).await.unwrap().unwrap().created_by, None);
    add_user(&client, "wren", &[]).await;
    assert!(claim(&client, second).await.unwrap().is_none());
}

#[tokio::test]
async fn set_claimed_by_names_the_account_of_one_invite() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let id = add(&client, Some(wren)).await;
    let other = add(&client, Some(wren)).await;
    set_claimed_by(&client, id, robin).await.unwrap();
    assert_eq!(find(&client, id).await.unwrap().unwrap().claimed_by.as_deref(), Some("robin"));
    assert_eq!(find(&client, other).await.unwrap().unwrap().claimed_by, None);
}

#[tokio::test]
async fn revoke_keeps_the_first_time_and_leaves_claimed_invites_alone() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add(&client, Some(wren)).await;
    let other = add(&client, Some(wren)).await;
    assert!(revoke(&client, id).await.unwrap());
    assert!(find(&client, id).await.unwrap().unwrap().revoked);
    assert!(!find(&client, other).await.unwrap().unwrap().revoked);
    set(&client, id, "revoked_at = '2026-11-21 12:00Z'").await;
    assert!(revoke(&client, id).await.unwrap());
    let kept = format!("select revoked_at = '2026-11-21 12:00Z' from invites where id = {id}");
    assert!(value::<bool>(&client, &kept).await);
    set(&client, other, "claimed_at = now()").await;
    assert!(!revoke(&client, other).await.unwrap());
    assert!(!find(&client, other).await.unwrap().unwrap().revoked);
    assert!(!revoke(&client, InviteId(99)).await.unwrap());
}

#[tokio::test]
async fn revoke_all_takes_one_members_open_invites() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let open = add(&client, Some(wren)).await;
    let claimed = add(&client, Some(wren)).await;
    set(&client, claimed, "claimed_at = now()").await;
    let revoked = add(&client, Some(wren)).await;
    set(&client, revoked, "revoked_at = '2026-11-21 12:00Z'").await;
    let others = add(&client, Some(robin)).await;
    revoke_all(&client, wren).await.unwrap();
    assert!(find(&client, open).await.unwrap().unwrap().revoked);
    assert!(!find(&client, claimed).await.unwrap().unwrap().revoked);
    assert!(!find(&client, others).await.unwrap().unwrap().revoked);
    let kept = format!("select revoked_at = '2026-11-21 12:00Z' from invites where id = {revoked}");
    assert!(value::<bool>(&client, &kept).await);
}
