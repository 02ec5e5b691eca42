//! Changes of roles, and disabling of members. At least one administrator always stays.

use deadpool_postgres::{GenericClient, Transaction};

use super::permission::{Permission, Permissions};
use crate::db;
use crate::db::user::Profile;
use crate::error::Error;
use crate::id::UserId;

/// Without a member who has it, nobody could give it to anybody again.
const LAST: Permission = Permission::MemberAssignRoles;

/// Gives the member `id` these roles and no others. A member who may not invite any more loses their open invites.
pub async fn replace(transaction: &Transaction<'_>, id: UserId, roles: &[String]) -> Result<(), Error> {
    let known = db::role::all(transaction).await?;
    if roles.iter().any(|role| known.iter().all(|it| it.name != *role)) {
        return Err(Error::field("roles", "there is no such role; see /api/roles for those that there are"));
    }
    db::role::lock_holders(transaction).await?;
    db::user::lock(transaction, id).await?;
    let member = db::user::profile(transaction, id).await?.ok_or(Error::NotFound("member"))?;
    let permissions = Permissions::parse(db::role::permissions(transaction, roles).await?);
    if !permissions.has(LAST) {
        keep_one(transaction, &member).await?;
    }
    db::role::keep(transaction, id, roles).await?;
    db::role::grant(transaction, id, roles).await?;
    if !permissions.has(Permission::InviteCreate) {
        db::invite::revoke_all(transaction, id).await?;
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
    db::role::lock_holders(transaction).await?;
    let member = db::user::profile(transaction, id).await?.ok_or(Error::NotFound("member"))?;
    if disabled {
        keep_one(transaction, &member).await?;
    }
    // First, so that who signs in at this moment waits for the end of it.
    db::user::set_disabled(transaction, id, disabled).await?;
    if disabled {
        db::session::end_others(transaction, id, None).await?;
        db::token::delete_all(transaction, id).await?;
        db::feed_key::delete_all(transaction, id).await?;
        db::invite::revoke_all(transaction, id).await?;
    }
    Ok(())
}

/// Refuses where `member` is the last one who has [`LAST`] and is not disabled.
async fn keep_one(client: &impl GenericClient, member: &Profile) -> Result<(), Error> {
    let account = &member.account;
    let has = Permissions::parse(&account.permissions).has(LAST) && account.disabled_at.is_none();
    if has && !db::role::others_have(client, account.id, LAST.word()).await? {
        let message = "this is the last administrator; make another member administrator first".to_owned();
        return Err(Error::Conflict { code: "last_administrator", message });
    }
    Ok(())
}
