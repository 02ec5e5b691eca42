//! Feed keys (table `feed_keys`). A row has the nonce that goes into the key's tag, never the key.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::member::user::{Account, COLUMNS as ACCOUNT};
use crate::db::{execute, one, optional, rows};
use crate::id::{FeedKeyId, UserId};

/// A feed key with its owner.
#[derive(Debug)]
pub struct WithAccount {
    /// The key's id.
    pub id: FeedKeyId,
    /// The nonce that goes into the key's tag, 16 bytes.
    pub nonce: Vec<u8>,
    /// The owner, who is not disabled.
    pub account: Account,
}

/// A feed key as its owner's list shows it.
#[derive(Debug, Clone)]
pub struct FeedKey {
    /// The key's id.
    pub id: FeedKeyId,
    /// Its name, unique among the owner's feed keys.
    pub name: String,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl FeedKey {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            created_at: row.get("created_at"),
            last_used_at: row.get("last_used_at"),
        }
    }
}

/// The feed key with this id, unless its owner is disabled.
pub async fn find_with_account(
    client: &impl GenericClient,
    id: FeedKeyId,
) -> Result<Option<WithAccount>, Error> {
    let sql = format!(
        "select k.id as key_id, k.nonce, {ACCOUNT}
         from feed_keys k join users u on u.id = k.user_id
         where k.id = $1 and u.disabled_at is null"
    );
    Ok(optional(client, &sql, &[&id]).await?.map(|row| WithAccount {
        id: row.get("key_id"),
        nonce: row.get("nonce"),
        account: Account::from_row(&row),
    }))
}

/// Stores that the key was used, at most once a minute.
pub async fn touch(client: &impl GenericClient, id: FeedKeyId) -> Result<(), Error> {
    let sql = "
        update feed_keys set last_used_at = now()
        where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')";
    execute(client, sql, &[&id]).await.map(drop)
}

/// A member's feed keys, newest first.
pub async fn list(client: &impl GenericClient, user_id: UserId) -> Result<Vec<FeedKey>, Error> {
    let sql = "select id, name, created_at, last_used_at from feed_keys where user_id = $1 order by id desc";
    Ok(rows(client, sql, &[&user_id]).await?.iter().map(FeedKey::from_row).collect())
}

/// The feed key with this id, if it is the member's.
pub async fn find(
    client: &impl GenericClient,
    user_id: UserId,
    id: FeedKeyId,
) -> Result<Option<FeedKey>, Error> {
    let sql = "select id, name, created_at, last_used_at from feed_keys where user_id = $1 and id = $2";
    Ok(optional(client, sql, &[&user_id, &id]).await?.as_ref().map(FeedKey::from_row))
}

/// The number of a member's feed keys.
pub async fn count(client: &impl GenericClient, user_id: UserId) -> Result<i64, Error> {
    let sql = "select count(*) as count from feed_keys where user_id = $1";
    Ok(one(client, sql, &[&user_id]).await?.get("count"))
}

/// Creates a feed key; violates `feed_keys_name_unique` if the member has one of that name.
pub async fn insert(
    client: &impl GenericClient,
    user_id: UserId,
    name: &str,
    nonce: &[u8],
) -> Result<FeedKey, Error> {
    let sql = "
        insert into feed_keys (user_id, name, nonce) values ($1, $2, $3)
        returning id, name, created_at, last_used_at";
    Ok(FeedKey::from_row(&one(client, sql, &[&user_id, &name, &nonce]).await?))
}

/// Deletes the feed key with this id if it is the member's; says whether it did.
pub async fn delete(client: &impl GenericClient, user_id: UserId, id: FeedKeyId) -> Result<bool, Error> {
    let sql = "delete from feed_keys where user_id = $1 and id = $2";
    Ok(execute(client, sql, &[&user_id, &id]).await? == 1)
}

/// Deletes all feed keys of a member.
pub async fn delete_all(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    execute(client, "delete from feed_keys where user_id = $1", &[&user_id]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_user, assert_touched_once_a_minute, client, run_sql, value};
    use deadpool_postgres::Client;

    async fn add(client: &Client, user_id: UserId, name: &str) -> FeedKeyId {
        insert(client, user_id, name, &[7; 16]).await.unwrap().id
    }

    #[tokio::test]
    async fn find_with_account_leaves_out_disabled_owners() {
        let client = client().await;
        let wren = add_user(&client, "wren", &["inviter"]).await;
        let key = add(&client, wren, "reader").await;
        let found = find_with_account(&client, key).await.unwrap().unwrap();
        assert_eq!((found.id, found.nonce), (key, vec![7; 16]));
        assert_eq!((found.account.id, found.account.roles), (wren, vec!["inviter".to_owned()]));
        assert!(find_with_account(&client, FeedKeyId(99)).await.unwrap().is_none());
        run_sql(&client, "update users set disabled_at = now()").await;
        assert!(find_with_account(&client, key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn touch_writes_the_use_of_one_key_once_a_minute() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let key = add(&client, wren, "reader").await;
        add(&client, wren, "another").await;
        let touch = async || touch(&client, key).await.unwrap();
        assert_touched_once_a_minute(&client, "feed_keys", key, touch).await;
    }

    #[tokio::test]
    async fn list_has_a_members_own_newest_first() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let first = add(&client, wren, "first").await;
        add(&client, robin, "of another").await;
        let second = add(&client, wren, "second").await;
        let ids: Vec<_> = list(&client, wren).await.unwrap().iter().map(|it| it.id).collect();
        assert_eq!(ids, [second, first]);
    }

    #[tokio::test]
    async fn find_answers_only_a_members_own() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let key = add(&client, wren, "reader").await;
        let found = find(&client, wren, key).await.unwrap().unwrap();
        assert_eq!((found.id, found.name.as_str(), found.last_used_at), (key, "reader", None));
        assert!(find(&client, robin, key).await.unwrap().is_none());
        assert!(find(&client, wren, FeedKeyId(99)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn count_is_of_one_member() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        for name in ["first", "second"] {
            add(&client, wren, name).await;
        }
        assert_eq!(count(&client, wren).await.unwrap(), 2);
        assert_eq!(count(&client, robin).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn insert_refuses_a_members_name_twice() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let made = insert(&client, wren, "reader", &[7; 16]).await.unwrap();
        assert_eq!((made.name.as_str(), made.last_used_at), ("reader", None));
        let error = insert(&client, wren, "reader", &[8; 16]).await.unwrap_err();
        assert_eq!(infra::db::violated(&error), Some("feed_keys_name_unique"));
        assert!(insert(&client, robin, "reader", &[9; 16]).await.is_ok());
    }

    #[tokio::test]
    async fn delete_ends_only_a_members_own() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let key = add(&client, wren, "reader").await;
        add(&client, wren, "another").await;
        assert!(!delete(&client, robin, key).await.unwrap());
        assert!(delete(&client, wren, key).await.unwrap());
        assert!(!delete(&client, wren, key).await.unwrap());
        assert_eq!(value::<String>(&client, "select name from feed_keys").await, "another");
    }

    #[tokio::test]
    async fn delete_all_leaves_other_members_keys() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        for (owner, name) in [(wren, "first"), (wren, "second"), (robin, "of another")] {
            add(&client, owner, name).await;
        }
        delete_all(&client, wren).await.unwrap();
        assert_eq!(value::<String>(&client, "select name from feed_keys").await, "of another");
    }
}
