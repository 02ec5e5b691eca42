//! Changes of roles, and disabling of members. At least one administrator always stays.

use deadpool_postgres::{GenericClient, Transaction};

use crate::db;
use crate::db::member::user::Profile;
use crate::domain::member::permission::{Permission, Permissions};
use crate::error::Error;
use crate::id::UserId;

/// Without a member who has it, nobody could give it to anybody again.
const LAST: Permission = Permission::MemberAssignRoles;

/// Gives the member `id` these roles and no others. A member who may not invite any more loses their open invites.
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

/// Disables the member `id` for the member `by`: sessions, API tokens, feed keys and open invites end at once. Or lets
/// them in again.
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
    // First, so that who signs in at this moment waits for the end of it.
    db::member::user::set_disabled(transaction, id, disabled).await?;
    if disabled {
        db::member::session::end_others(transaction, id, None).await?;
        db::member::token::delete_all(transaction, id).await?;
        db::member::feed_key::delete_all(transaction, id).await?;
        db::member::invite::revoke_all(transaction, id).await?;
    }
    Ok(())
}

/// Refuses where `member` is the last one who has [`LAST`] and is not disabled.
async fn keep_one(client: &impl GenericClient, member: &Profile) -> Result<(), Error> {
    let account = &member.account;
    let has = Permissions::parse(&account.permissions).has(LAST) && account.disabled_at.is_none();
    if has && !db::staff::role::others_have(client, account.id, LAST.word()).await? {
        let message = "this is the last administrator; make another member administrator first".to_owned();
        return Err(Error::Conflict { code: "last_administrator", message });
    }
    Ok(())
}
