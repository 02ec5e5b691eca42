//! Changes of roles, and disabling of members. At least one enabled administrator always remains.

use deadpool_postgres::{GenericClient, Transaction};

use crate::db;
use crate::db::member::user::Profile;
use crate::domain::member::permission::{Permission, Permissions};
use crate::error::Error;
use crate::id::UserId;

/// The permission that one enabled member must always have: without such a member nobody could change roles again.
const LAST: Permission = Permission::MemberAssignRoles;

/// Replaces the roles of member `id`. Their open invites are revoked if they may no longer invite.
pub async fn replace(transaction: &Transaction<'_>, id: UserId, roles: &[String]) -> Result<(), Error> {
    let known = db::staff::role::all(transaction).await?;
    if roles.iter().any(|role| known.iter().all(|it| it.name != *role)) {
        return Err(Error::field("roles", "there is no such role; see /api/roles for those that there are"));
    }
    db::staff::role::lock_holders(transaction).await?;
    db::member::user::lock(transaction, id).await?;
    let member = db::member::user::profile(transaction, id).await?.ok_or(Error::NotFound("member"))?;
    let permissions = Permissions::parse(db::staff::role::permissions(transaction, roles).await?);
    if !permissions.has(LAST) {
        keep_one(transaction, &member).await?;
    }
    db::staff::role::keep(transaction, id, roles).await?;
    db::staff::role::grant(transaction, id, roles).await?;
    if !permissions.has(Permission::InviteCreate) {
        db::member::invite::revoke_all(transaction, id).await?;
    }
    Ok(())
}

/// Disables or enables member `id`; member `by` asked for it. Disabling ends their sessions, API tokens, feed keys and
/// open invites at once.
pub async fn set_disabled(
    transaction: &Transaction<'_>,
    by: UserId,
    id: UserId,
    disabled: bool,
) -> Result<(), Error> {
    if by == id {
        let message = "you cannot disable yourself; ask another administrator".to_owned();
        return Err(Error::Conflict { code: "own_account", message });
    }
    db::staff::role::lock_holders(transaction).await?;
    let member = db::member::user::profile(transaction, id).await?.ok_or(Error::NotFound("member"))?;
    if disabled {
        keep_one(transaction, &member).await?;
    }
    // First, because it locks the row: a sign-in at the same time waits for this transaction.
    db::member::user::set_disabled(transaction, id, disabled).await?;
    if disabled {
        db::member::session::end_others(transaction, id, None).await?;
        db::member::token::delete_all(transaction, id).await?;
        db::member::feed_key::delete_all(transaction, id).await?;
        db::member::invite::revoke_all(transaction, id).await?;
    }
    Ok(())
}

/// Refuses a change if `member` is the last enabled member with the permission [`LAST`].
async fn keep_one(client: &impl GenericClient, member: &Profile) -> Result<(), Error> {
    let account = &member.account;
    let has = Permissions::parse(&account.permissions).has(LAST) && account.disabled_at.is_none();
    if has && !db::staff::role::others_have(client, account.id, LAST.word()).await? {
        let message = "this is the last administrator; make another member administrator first".to_owned();
        return Err(Error::Conflict { code: "last_administrator", message });
    }
    Ok(())
}
