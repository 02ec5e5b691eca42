//! Links that set a new password (table `password_resets`). A row has the nonce that goes into the link's tag, never
//! the link.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, optional};
use crate::id::{PasswordResetId, UserId};

/// A reset link.
#[derive(Debug, Clone)]
pub struct PasswordReset {
    /// The link's id; never used twice.
    pub id: PasswordResetId,
    /// The nonce that goes into the link's tag, 16 bytes.
    pub nonce: Vec<u8>,
    /// The member whose password it sets.
    pub user_id: UserId,
    /// The member's name.
    pub user_name: String,
    /// Who created it; `None` if that account was deleted.
    pub maker: Option<Maker>,
    /// Until when it can be used.
    pub expires_at: OffsetDateTime,
    /// Whether it has set a password.
    pub used: bool,
    /// Whether a newer link, or another change of the password, has replaced it.
    pub revoked: bool,
    /// Whether `expires_at` has passed, by the database's clock.
    pub expired: bool,
}

/// Who created a reset link.
#[derive(Debug, Clone, Copy)]
pub enum Maker {
    /// The operator, at the command line.
    Operator,
    /// The member with this id.
    Member(UserId),
}

/// A reset of a password of which its owner has not been told yet.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// When the link was used.
    pub used_at: OffsetDateTime,
    /// Whether the operator created the link at the command line.
    pub by_operator: bool,
    /// Name of the member who created the link.
    pub created_by: Option<String>,
}

impl PasswordReset {
    fn from_row(row: &Row) -> Self {
        let by_member = row.get::<_, Option<UserId>>("created_by").map(Maker::Member);
        Self {
            id: row.get("id"),
            nonce: row.get("nonce"),
            user_id: row.get("user_id"),
            user_name: row.get("user_name"),
            maker: if row.get("by_operator") { Some(Maker::Operator) } else { by_member },
            expires_at: row.get("expires_at"),
            used: row.get("used"),
            revoked: row.get("revoked"),
            expired: row.get("expired"),
        }
    }
}

const RESET: &str = "
    select r.id, r.nonce, r.user_id, u.name as user_name, r.by_operator, r.created_by, r.expires_at,
           r.used_at is not null as used, r.revoked_at is not null as revoked, r.expires_at <= now() as expired
    from password_resets r join users u on u.id = r.user_id";

/// The reset link with this id.
pub async fn find(client: &impl GenericClient, id: PasswordResetId) -> Result<Option<PasswordReset>, Error> {
    let sql = format!("{RESET} where r.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(PasswordReset::from_row))
}

/// Creates a link that can be used for `hours`. To be called in a transaction, after [`revoke_open`].
pub async fn insert(
    client: &impl GenericClient,
    user_id: UserId,
    maker: Maker,
    nonce: &[u8],
    hours: i32,
) -> Result<PasswordReset, Error> {
    let (by_operator, created_by) = match maker {
        Maker::Operator => (true, None),
        Maker::Member(id) => (false, Some(id)),
    };
    let sql = "
        insert into password_resets (user_id, by_operator, created_by, nonce, expires_at)
        values ($1, $2, $3, $4, now() + make_interval(hours => $5))
        returning id";
    let id: PasswordResetId =
        one(client, sql, &[&user_id, &by_operator, &created_by, &nonce, &hours]).await?.get("id");
    let sql = format!("{RESET} where r.id = $1");
    Ok(PasswordReset::from_row(&one(client, &sql, &[&id]).await?))
}

/// Uses a link up if it is open; says whether it was. To be called in a transaction: another use waits for its end.
pub async fn use_up(client: &impl GenericClient, id: PasswordResetId) -> Result<bool, Error> {
    let sql = "
        update password_resets set used_at = now()
        where id = $1 and used_at is null and revoked_at is null and expires_at > now()";
    Ok(execute(client, sql, &[&id]).await? == 1)
}

/// Revokes all unused links of a member.
pub async fn revoke_open(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    let sql = "
        update password_resets set revoked_at = now()
        where user_id = $1 and used_at is null and revoked_at is null";
    execute(client, sql, &[&user_id]).await.map(drop)
}

/// The latest reset that the member has not been told of yet.
pub async fn unseen(client: &impl GenericClient, user_id: UserId) -> Result<Option<Unseen>, Error> {
    let sql = "
        select r.used_at, r.by_operator, u.name as created_by
        from password_resets r left join users u on u.id = r.created_by
        where r.user_id = $1 and r.used_at is not null and r.seen_at is null
        order by r.used_at desc, r.id desc limit 1";
    Ok(optional(client, sql, &[&user_id]).await?.map(|row| Unseen {
        used_at: row.get("used_at"),
        by_operator: row.get("by_operator"),
        created_by: row.get("created_by"),
    }))
}

/// Stores that the member has been told of all resets until now.
pub async fn mark_seen(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    let sql = "
        update password_resets set seen_at = now()
        where user_id = $1 and used_at is not null and seen_at is null";
    execute(client, sql, &[&user_id]).await.map(drop)
}

/// Deletes unused links one month after their expiry.
pub async fn sweep(client: &impl GenericClient) -> Result<(), Error> {
    let sql = "
        delete from password_resets where used_at is null and expires_at < now() - interval '30 days'";
    execute(client, sql, &[]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_user, client, run_sql, value};
    use deadpool_postgres::Client;
    use time::macros::datetime;

    /// A link for two hours, made at the command line.
    async fn add(client: &Client, user_id: UserId) -> PasswordResetId {
        insert(client, user_id, Maker::Operator, &[7; 16], 2).await.unwrap().id
    }

    async fn set(client: &Client, id: PasswordResetId, change: &str) {
        run_sql(client, &format!("update password_resets set {change} where id = {id}")).await;
    }

    #[tokio::test]
    async fn find_tells_how_a_link_ended() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let id = add(&client, wren).await;
        for (change, used, revoked, expired) in [
            ("nonce = nonce", false, false, false),
            ("used_at = now()", true, false, false),
            ("used_at = null, revoked_at = now()", false, true, false),
            ("revoked_at = null, expires_at = now()", false, false, true),
        ] {
            set(&client, id, change).await;
            let found = find(&client, id).await.unwrap().unwrap();
            assert_eq!((found.used, found.revoked, found.expired), (used, revoked, expired), "{change}");
            assert_eq!((found.user_id, found.user_name.as_str()), (wren, "wren"));
        }
        assert!(find(&client, PasswordResetId(99)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn find_knows_no_maker_whose_account_is_gone() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let id = insert(&client, wren, Maker::Member(robin), &[7; 16], 2).await.unwrap().id;
        let made = find(&client, id).await.unwrap().unwrap();
        assert!(matches!(made.maker, Some(Maker::Member(maker)) if maker == robin));
        run_sql(&client, "delete from users where name = 'robin'").await;
        assert!(find(&client, id).await.unwrap().unwrap().maker.is_none());
    }

    #[tokio::test]
    async fn insert_answers_the_new_link() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let made = insert(&client, wren, Maker::Operator, &[7; 16], 2).await.unwrap();
        assert_eq!((made.user_id, made.user_name.as_str(), made.nonce), (wren, "wren", vec![7; 16]));
        assert!(matches!(made.maker, Some(Maker::Operator)));
        assert_eq!((made.used, made.revoked, made.expired), (false, false, false));
        let hours = "select expires_at = created_at + interval '2 hours' from password_resets";
        assert!(value::<bool>(&client, hours).await);
    }

    #[tokio::test]
    async fn use_up_succeeds_once_and_while_the_link_is_open() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let id = add(&client, wren).await;
        let other = add(&client, wren).await;
        assert!(use_up(&client, id).await.unwrap());
        assert!(find(&client, id).await.unwrap().unwrap().used);
        assert!(!find(&client, other).await.unwrap().unwrap().used);
        assert!(!use_up(&client, id).await.unwrap());
        for end in ["revoked_at = now()", "revoked_at = null, expires_at = now()"] {
            set(&client, other, end).await;
            assert!(!use_up(&client, other).await.unwrap(), "{end}");
        }
        assert!(!use_up(&client, PasswordResetId(99)).await.unwrap());
    }

    #[tokio::test]
    async fn revoke_open_takes_one_members_unused_links() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let open = add(&client, wren).await;
        let used = add(&client, wren).await;
        set(&client, used, "used_at = now()").await;
        let others = add(&client, robin).await;
        revoke_open(&client, wren).await.unwrap();
        for (id, revoked) in [(open, true), (used, false), (others, false)] {
            assert_eq!(find(&client, id).await.unwrap().unwrap().revoked, revoked, "{id}");
        }
        set(&client, open, "revoked_at = '2026-11-21 12:00Z'").await;
        revoke_open(&client, wren).await.unwrap();
        let kept = format!("select revoked_at = '2026-11-21 12:00Z' from password_resets where id = {open}");
        assert!(value::<bool>(&client, &kept).await);
    }

    #[tokio::test]
    async fn unseen_is_the_latest_of_a_members_resets() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        add(&client, wren).await;
        assert!(unseen(&client, wren).await.unwrap().is_none());
        let by_robin = insert(&client, wren, Maker::Member(robin), &[7; 16], 2).await.unwrap().id;
        set(&client, by_robin, "used_at = '2026-11-21 12:00Z'").await;
        let found = unseen(&client, wren).await.unwrap().unwrap();
        assert_eq!(found.used_at, datetime!(2026-11-21 12:00 UTC));
        assert_eq!((found.by_operator, found.created_by.as_deref()), (false, Some("robin")));
        // Of two at the same time the one made last counts.
        let by_operator = add(&client, wren).await;
        set(&client, by_operator, "used_at = '2026-11-21 12:00Z'").await;
        let found = unseen(&client, wren).await.unwrap().unwrap();
        assert_eq!((found.by_operator, found.created_by), (true, None));
        set(&client, by_robin, "used_at = '2026-11-21 12:01Z'").await;
        assert!(!unseen(&client, wren).await.unwrap().unwrap().by_operator);
        set(&client, by_robin, "seen_at = now()").await;
        assert!(unseen(&client, wren).await.unwrap().unwrap().by_operator);
        assert!(unseen(&client, robin).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn mark_seen_is_for_one_members_resets_until_now() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let first = add(&client, wren).await;
        let second = add(&client, wren).await;
        let others = add(&client, robin).await;
        for id in [first, others] {
            set(&client, id, "used_at = now()").await;
        }
        mark_seen(&client, wren).await.unwrap();
        assert!(unseen(&client, wren).await.unwrap().is_none());
        assert!(unseen(&client, robin).await.unwrap().is_some());
        set(&client, second, "used_at = now()").await;
        assert!(unseen(&client, wren).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn sweep_deletes_unused_links_a_month_after_their_end() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let [old, recent, used] =
            [add(&client, wren).await, add(&client, wren).await, add(&client, wren).await];
        set(&client, old, "expires_at = now() - interval '30 days 2 hours'").await;
        set(&client, recent, "expires_at = now() - interval '30 days' + interval '2 hours'").await;
        set(&client, used, "expires_at = now() - interval '31 days', used_at = now() - interval '31 days'")
            .await;
        sweep(&client).await.unwrap();
        let left: Vec<PasswordResetId> =
            value(&client, "select array_agg(id order by id) from password_resets").await;
        assert_eq!(left, [recent, used]);
    }
}
