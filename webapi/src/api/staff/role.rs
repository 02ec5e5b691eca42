//! `/api/roles` and `/api/members/{id}/roles`: the roles, and those of a member.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::shapes::{
    BodyFailure, ErrorBody, List, MemberFailure, NotFoundFailure, role_name, role_names,
};
use crate::app::App;
use crate::auth::needs::{READ, SESSION};
use crate::auth::{CheckedJson, Reader, RoleAssigner};
use crate::db;
use crate::domain::member::permission::Permission;
use crate::domain::staff::role;
use crate::error::Error;
use crate::extract::{Id, Json};
use crate::id::UserId;
use crate::routes::Routes;

/// The operations on roles.
pub fn routes() -> Routes {
    Routes::new()
        .operation(READ, routes!(show))
        .operation(SESSION.and(Permission::MemberAssignRoles), routes!(replace))
        .operation(READ, routes!(list))
}

/// The roles of a member.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Roles {
    /// Names of roles, from `/api/roles`.
    #[schema(schema_with = role_names)]
    roles: Vec<String>,
}

/// A role that members can have.
#[derive(Debug, Serialize, ToSchema)]
struct RoleBody {
    /// One word.
    #[schema(schema_with = role_name)]
    name: String,
    /// What the role allows, in a sentence.
    description: String,
}

/// Read the roles of a member
///
/// For every member.
#[utoipa::path(
    get,
    path = "/api/members/{id}/roles",
    operation_id = "show_roles_of_member",
    tag = "members",
    params(("id" = UserId, Path)),
    responses(
        (status = 200, description = "The roles of the member", body = Roles),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show(State(app): State<App>, _: Reader, Id(id): Id<UserId>) -> Result<Json<Roles>, Error> {
    let profile = db::member::user::profile(&app.connection().await?, id).await?;
    Ok(Json(Roles { roles: profile.ok_or(Error::NotFound("member"))?.account.roles }))
}

/// Replace the roles of a member
///
/// For administrators.
#[utoipa::path(
    put,
    path = "/api/members/{id}/roles",
    operation_id = "replace_roles_of_member",
    tag = "members",
    params(("id" = UserId, Path)),
    request_body = Roles,
    responses(
        (status = 200, description = "The new roles of the member", body = Roles),
        (status = 409, description = "The member is the last administrator", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
        BodyFailure,
    )
)]
async fn replace(
    State(app): State<App>,
    RoleAssigner(member): RoleAssigner,
    Id(id): Id<UserId>,
    CheckedJson(form): CheckedJson<Roles>,
) -> Result<Json<Roles>, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    role::replace(&transaction, id, &form.roles).await?;
    transaction.commit().await?;
    drop(client);
    show(State(app), Reader(member), Id(id)).await
}

/// List roles
///
/// All roles that a member can have, with what each allows.
#[utoipa::path(
    get,
    path = "/api/roles",
    operation_id = "list_roles",
    tag = "members",
    responses(
        (status = 200, description = "All roles, sorted by name", body = List<RoleBody>),
        MemberFailure,
    )
)]
async fn list(State(app): State<App>, _: Reader) -> Result<Json<List<RoleBody>>, Error> {
    let found = db::staff::role::all(&app.connection().await?).await?;
    let items = found.into_iter().map(|it| RoleBody { name: it.name, description: it.description });
    Ok(Json(List::all(items.collect())))
}
