//! Roles and their holders (tables `roles`, `role_permissions` and `user_roles`).

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::{execute, one, rows};
use crate::id::UserId;

/// A role that members can have.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name, one word.
    pub name: String,
    /// What it allows, in a sentence.
    pub description: String,
}

/// All roles, sorted by name.
pub async fn all(client: &impl GenericClient) -> Result<Vec<Role>, Error> {
    let found = rows(client, "select name, description from roles order by name", &[]).await?;
    Ok(found.iter().map(|row| Role { name: row.get("name"), description: row.get("description") }).collect())
}

/// Adds roles to a member; violates a foreign key if a role is unknown.
pub async fn grant(client: &impl GenericClient, user_id: UserId, roles: &[String]) -> Result<(), Error> {
    let sql = "insert into user_roles (user_id, role) select $1, unnest($2::text[]) on conflict do nothing";
    execute(client, sql, &[&user_id, &roles]).await.map(drop)
}

/// Removes a member's roles that are not in `kept`.
pub async fn keep(client: &impl GenericClient, user_id: UserId, kept: &[String]) -> Result<(), Error> {
    let sql = "delete from user_roles where user_id = $1 and role <> all($2::text[])";
    execute(client, sql, &[&user_id, &kept]).await.map(drop)
}

/// Words of the permissions of these roles, as in the table `role_permissions`.
pub async fn permissions(client: &impl GenericClient, roles: &[String]) -> Result<Vec<String>, Error> {
    let sql = "select distinct permission from role_permissions where role = any($1)";
    Ok(rows(client, sql, &[&roles]).await?.iter().map(|row| row.get("permission")).collect())
}

/// Waits for other transactions that may remove a permission which at least one member must keep, and makes later ones
/// wait. To be called in a transaction.
pub async fn lock_holders(client: &impl GenericClient) -> Result<(), Error> {
    // An advisory lock, not a row lock on the role, because the webapi's role may only read that table.
    execute(client, "select pg_advisory_xact_lock(hashtext('fairywren administrators'))", &[]).await.map(drop)
}

/// Whether an enabled member other than `user_id` has `permission`.
pub async fn others_have(
    client: &impl GenericClient,
    user_id: UserId,
    permission: &str,
) -> Result<bool, Error> {
    let sql = "
        select exists (
            select from role_permissions p join user_roles r on r.role = p.role join users u on u.id = r.user_id
            where p.permission = $2 and u.disabled_at is null and u.id <> $1
        ) as others";
    Ok(one(client, sql, &[&user_id, &permission]).await?.get("others"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_user, client, connect, run_sql, value, words};
    use infra::testing::TestDatabase;

    const HELD: &str = "select coalesce(array_agg(role order by role), '{}') from user_roles";

    #[tokio::test]
    async fn all_roles_come_by_name_with_their_descriptions() {
        let client = client().await;
        let found = all(&client).await.unwrap();
        let names: Vec<_> = found.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["administrator", "inviter", "moderator"]);
        assert_eq!(found[1].description, "Creates invites");
    }

    #[tokio::test]
    async fn grant_adds_known_roles_to_those_held() {
        let client = client().await;
        let wren = add_user(&client, "wren", &["inviter"]).await;
        grant(&client, wren, &words(&["moderator", "inviter"])).await.unwrap();
        grant(&client, wren, &[]).await.unwrap();
        assert_eq!(value::<Vec<String>>(&client, HELD).await, ["inviter", "moderator"]);
        let error = grant(&client, wren, &words(&["administrator", "king"])).await.unwrap_err();
        assert_eq!(infra::db::violated(&error), Some("user_roles_role_fkey"));
        assert_eq!(value::<Vec<String>>(&client, HELD).await, ["inviter", "moderator"]);
    }

    #[tokio::test]
    async fn keep_takes_one_members_other_roles() {
        let client = client().await;
        let wren = add_user(&client, "wren", &["inviter", "moderator"]).await;
        add_user(&client, "robin", &["administrator"]).await;
        keep(&client, wren, &words(&["inviter", "administrator"])).await.unwrap();
        assert_eq!(value::<Vec<String>>(&client, HELD).await, ["administrator", "inviter"]);
        keep(&client, wren, &[]).await.unwrap();
        assert_eq!(value::<Vec<String>>(&client, HELD).await, ["administrator"]);
    }

    #[tokio::test]
    async fn permissions_of_several_roles_are_named_once() {
        let client = client().await;
        let mut found = permissions(&client, &words(&["administrator", "inviter"])).await.unwrap();
        found.sort();
        let expected = [
            "invite.create",
            "invite.revoke_any",
            "member.assign_roles",
            "member.disable",
            "member.reset_password",
            "member.view_private",
            "swarm.view",
            "torrent.edit_any",
            "torrent.view_snatches",
        ];
        assert_eq!(found, expected);
        assert!(permissions(&client, &words(&["king"])).await.unwrap().is_empty());
        assert!(permissions(&client, &[]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn lock_holders_lets_one_transaction_in_at_a_time() {
        let database = TestDatabase::create().await.unwrap();
        let (mut client, other) = (connect(&database).await, connect(&database).await);
        let free = "select pg_try_advisory_xact_lock(hashtext('fairywren administrators'))";
        let transaction = client.transaction().await.unwrap();
        lock_holders(&transaction).await.unwrap();
        assert!(!value::<bool>(&other, free).await);
        transaction.commit().await.unwrap();
        assert!(value::<bool>(&other, free).await);
    }

    #[tokio::test]
    async fn others_have_a_permission_while_they_hold_its_role_and_are_enabled() {
        let client = client().await;
        let wren = add_user(&client, "wren", &["administrator"]).await;
        let robin = add_user(&client, "robin", &["moderator"]).await;
        assert!(!others_have(&client, wren, "member.disable").await.unwrap());
        assert!(others_have(&client, robin, "member.disable").await.unwrap());
        assert!(others_have(&client, wren, "swarm.view").await.unwrap());
        run_sql(&client, "update users set disabled_at = now()").await;
        assert!(!others_have(&client, robin, "member.disable").await.unwrap());
        assert!(!others_have(&client, wren, "swarm.view").await.unwrap());
    }
}
