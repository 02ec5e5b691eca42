//! API tokens (table `api_tokens`). A row has the nonce that goes into the token's tag, never the token.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::member::user::{Account, COLUMNS as ACCOUNT};
use crate::db::{execute, one, optional, rows};
use crate::id::{TokenId, UserId};

/// An API token with its owner.
#[derive(Debug)]
pub struct WithAccount {
    /// The token's id.
    pub id: TokenId,
    /// The nonce that goes into the token's tag, 16 bytes.
    pub nonce: Vec<u8>,
    /// Words of its scopes; `None` for a token created before scopes existed.
    pub scopes: Option<Vec<String>>,
    /// Whether its end date has passed, by the database's clock.
    pub expired: bool,
    /// The owner, who is not disabled.
    pub account: Account,
}

/// The token with this id, unless its owner is disabled.
pub async fn find_with_account(
    client: &impl GenericClient,
    id: TokenId,
) -> Result<Option<WithAccount>, Error> {
    let sql = format!(
        "select t.id as token_id, t.nonce, t.scopes, coalesce(t.expires_at <= now(), false) as expired,
                {ACCOUNT}
         from api_tokens t join users u on u.id = t.user_id
         where t.id = $1 and u.disabled_at is null"
    );
    Ok(optional(client, &sql, &[&id]).await?.map(|row| WithAccount {
        id: row.get("token_id"),
        nonce: row.get("nonce"),
        scopes: row.get("scopes"),
        expired: row.get("expired"),
        account: Account::from_row(&row),
    }))
}

/// Stores that the token was used, at most once a minute.
pub async fn touch(client: &impl GenericClient, id: TokenId) -> Result<(), Error> {
    let sql = "
        update api_tokens set last_used_at = now()
        where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')";
    execute(client, sql, &[&id]).await.map(drop)
}

/// An API token as its owner's list shows it.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// The token's id; never used twice.
    pub id: TokenId,
    /// Its name, unique among the owner's tokens that have scopes.
    pub name: String,
    /// Words of its scopes; `None` for a token created before scopes existed.
    pub scopes: Option<Vec<String>>,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// Until when it is valid; `None` for a token without end date.
    pub expires_at: Option<OffsetDateTime>,
    /// Whether `expires_at` has passed, by the database's clock.
    pub expired: bool,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl ApiToken {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            scopes: row.get("scopes"),
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
            expired: row.get("expired"),
            last_used_at: row.get("last_used_at"),
        }
    }
}

/// An API token to create.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Its name.
    pub name: &'a str,
    /// The nonce that goes into its tag, 16 bytes.
    pub nonce: &'a [u8],
    /// Words of its scopes, as in [`crate::domain::member::scope`]; at least one.
    pub scopes: &'a [&'a str],
    /// Days until it ends; `None` for a token without end date.
    pub days: Option<i32>,
}

const COLUMNS: &str = "
    id, name, scopes, created_at, expires_at, coalesce(expires_at <= now(), false) as expired, last_used_at";

/// A member's API tokens, newest first.
pub async fn list(client: &impl GenericClient, user_id: UserId) -> Result<Vec<ApiToken>, Error> {
    let sql = format!("select {COLUMNS} from api_tokens where user_id = $1 order by id desc");
    Ok(rows(client, &sql, &[&user_id]).await?.iter().map(ApiToken::from_row).collect())
}

/// The API token with this id, if it is the member's.
pub async fn find(
    client: &impl GenericClient,
    user_id: UserId,
    id: TokenId,
) -> Result<Option<ApiToken>, Error> {
    let sql = format!("select {COLUMNS} from api_tokens where user_id = $1 and id = $2");
    Ok(optional(client, &sql, &[&user_id, &id]).await?.as_ref().map(ApiToken::from_row))
}

/// The number of a member's API tokens.
pub async fn count(client: &impl GenericClient, user_id: UserId) -> Result<i64, Error> {
    let sql = "select count(*) as count from api_tokens where user_id = $1";
    Ok(one(client, sql, &[&user_id]).await?.get("count"))
}

/// Creates an API token; violates `api_tokens_name_unique` if the member has one of that name.
pub async fn insert(
    client: &impl GenericClient,
    user_id: UserId,
    token: &NewToken<'_>,
) -> Result<ApiToken, Error> {
    let sql = format!(
        "insert into api_tokens (user_id, name, nonce, scopes, expires_at)
         values ($1, $2, $3, $4, now() + make_interval(days => $5))
         returning {COLUMNS}"
    );
    let NewToken { name, nonce, scopes, days } = token;
    Ok(ApiToken::from_row(&one(client, &sql, &[&user_id, name, nonce, scopes, days]).await?))
}

/// Deletes the API token with this id if it is the member's; says whether it did.
pub async fn delete(client: &impl GenericClient, user_id: UserId, id: TokenId) -> Result<bool, Error> {
    let sql = "delete from api_tokens where user_id = $1 and id = $2";
    Ok(execute(client, sql, &[&user_id, &id]).await? == 1)
}

/// Deletes all API tokens of a member.
pub async fn delete_all(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    execute(client, "delete from api_tokens where user_id = $1", &[&user_id]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_user, assert_touched_once_a_minute, client, run_sql, value};
    use deadpool_postgres::Client;

    async fn add(client: &Client, user_id: UserId, name: &str, days: Option<i32>) -> TokenId {
        let new = NewToken { name, nonce: &[7; 16], scopes: &["read", "upload"], days };
        insert(client, user_id, &new).await.unwrap().id
    }

    #[tokio::test]
    async fn find_with_account_tells_whether_the_token_has_expired() {
        let client = client().await;
        let wren = add_user(&client, "wren", &["inviter"]).await;
        let token = add(&client, wren, "script", Some(1)).await;
        let endless = add(&client, wren, "endless", None).await;
        let found = find_with_account(&client, token).await.unwrap().unwrap();
        assert_eq!((found.id, found.nonce, found.expired), (token, vec![7; 16], false));
        assert_eq!(found.scopes.unwrap(), ["read", "upload"]);
        assert_eq!((found.account.id, found.account.permissions), (wren, vec!["invite.create".to_owned()]));
        run_sql(&client, "update api_tokens set expires_at = now(), scopes = null where name = 'script'")
            .await;
        let expired = find_with_account(&client, token).await.unwrap().unwrap();
        assert_eq!((expired.expired, expired.scopes), (true, None));
        assert!(!find_with_account(&client, endless).await.unwrap().unwrap().expired);
    }

    #[tokio::test]
    async fn find_with_account_leaves_out_disabled_owners() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let token = add(&client, wren, "script", None).await;
        run_sql(&client, "update users set disabled_at = now()").await;
        assert!(find_with_account(&client, token).await.unwrap().is_none());
        assert!(find_with_account(&client, TokenId(99)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn touch_writes_the_use_of_one_token_once_a_minute() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let token = add(&client, wren, "script", None).await;
        add(&client, wren, "another", None).await;
        let touch = async || touch(&client, token).await.unwrap();
        assert_touched_once_a_minute(&client, "api_tokens", token, touch).await;
    }

    #[tokio::test]
    async fn list_has_a_members_own_newest_first() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let first = add(&client, wren, "first", None).await;
        add(&client, robin, "of another", None).await;
        let second = add(&client, wren, "second", None).await;
        let ids: Vec<_> = list(&client, wren).await.unwrap().iter().map(|it| it.id).collect();
        assert_eq!(ids, [second, first]);
    }

    #[tokio::test]
    async fn find_answers_only_a_members_own() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let token = add(&client, wren, "script", Some(1)).await;
        let found = find(&client, wren, token).await.unwrap().unwrap();
        assert_eq!((found.id, found.name.as_str(), found.expired), (token, "script", false));
        assert!(found.expires_at.is_some() && found.last_used_at.is_none());
        run_sql(&client, "update api_tokens set expires_at = now()").await;
        assert!(find(&client, wren, token).await.unwrap().unwrap().expired);
        assert!(find(&client, robin, token).await.unwrap().is_none());
        assert!(find(&client, wren, TokenId(99)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn count_has_expired_tokens_too() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        add(&client, wren, "first", None).await;
        add(&client, wren, "second", Some(-1)).await;
        assert_eq!(count(&client, wren).await.unwrap(), 2);
        assert_eq!(count(&client, robin).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn insert_answers_the_new_token_and_refuses_a_name_twice() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let new = NewToken { name: "script", nonce: &[7; 16], scopes: &["read"], days: Some(30) };
        let made = insert(&client, wren, &new).await.unwrap();
        assert_eq!((made.name.as_str(), made.scopes.unwrap()), ("script", vec!["read".to_owned()]));
        assert_eq!((made.expired, made.last_used_at), (false, None));
        let days = "select expires_at = created_at + interval '30 days' from api_tokens";
        assert!(value::<bool>(&client, days).await);
        let error = insert(&client, wren, &new).await.unwrap_err();
        assert_eq!(infra::db::violated(&error), Some("api_tokens_name_unique"));
        let endless = insert(&client, robin, &NewToken { days: None, ..new }).await.unwrap();
        assert_eq!((endless.expires_at, endless.expired), (None, false));
    }

    #[tokio::test]
    async fn delete_ends_only_a_members_own() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let token = add(&client, wren, "script", None).await;
        add(&client, wren, "another", None).await;
        assert!(!delete(&client, robin, token).await.unwrap());
        assert!(delete(&client, wren, token).await.unwrap());
        assert!(!delete(&client, wren, token).await.unwrap());
        assert_eq!(value::<String>(&client, "select name from api_tokens").await, "another");
    }

    #[tokio::test]
    async fn delete_all_leaves_other_members_tokens() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        add(&client, wren, "first", None).await;
        add(&client, wren, "second", None).await;
        add(&client, robin, "of another", None).await;
        delete_all(&client, wren).await.unwrap();
        assert_eq!(value::<String>(&client, "select name from api_tokens").await, "of another");
    }
}
