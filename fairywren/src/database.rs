//! Opens the database of a start, the embedded server or the configured one, and migrates it.

use anyhow::Context;
use infra::config::Postgresql;
use infra::postgres::{Cluster, OWNER, Programs, cluster_major};
use infra::process::Account;
use infra::secrets::Secret;
use infra::shutdown::Shutdown;
use infra::{db, migrations};
use rustix::process::Signal;
use std::time::Duration;
use tokio_postgres::Client;

use crate::configuration::Settings;
use crate::folder::Folder;
use crate::program::{Program, Readiness};

/// Time for the server to stop before it is killed. It rolls back open transactions and writes a checkpoint, in less
/// than a second unless the disk is busy. A killed server has to recover at its next start.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Creates the `run` folder with the configuration, and starts the embedded server, if it is the database, until
/// `shutdown`. Returns the account as which the children shall run, if not as the present user.
pub(crate) async fn open(
    settings: &Settings,
    folder: &Folder,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Account>> {
    let account = Account::unprivileged(&folder.cluster()).await?;
    if let Some(account) = &account {
        account.check_reach(folder.path()).await?;
    }
    let cluster = if settings.embedded { Some(embedded(folder, account.clone()).await?) } else { None };
    folder.make_run(account.as_ref())?;
    settings.write(folder, account.as_ref())?;
    if let Some(cluster) = cluster {
        start(&cluster, &settings.config.migrate.postgresql.password, shutdown).await?;
    }
    Ok(account)
}

/// The embedded server of `folder`, which is not started yet. It runs as `account`, if not as the present user.
async fn embedded(folder: &Folder, account: Option<Account>) -> anyhow::Result<Cluster> {
    let data = folder.cluster();
    let programs = Programs::find(cluster_major(&data)?).await?;
    Ok(Cluster { programs, data, sockets: folder.sockets(), account })
}

/// Starts `cluster` and keeps it running until `shutdown`. The first start creates its data.
async fn start(cluster: &Cluster, owner: &Secret, shutdown: &Shutdown) -> anyhow::Result<()> {
    if cluster.data.exists() {
        cluster.forget_killed()?;
    } else {
        tracing::info!("creating the database in {}", cluster.data.display());
        cluster.create(owner).await?;
    }
    let server = cluster.clone();
    let program = Program {
        name: "postgres",
        command: Box::new(move || server.server(&[])),
        readiness: Readiness::Server(cluster.clone()),
        stop_signal: Signal::INT,
        stop_timeout: STOP_TIMEOUT,
    };
    program.keep(shutdown).await?;
    let postgres = cluster.login("postgres", OWNER, owner.clone());
    let client = db::connect(&postgres, "fairywren").await?;
    let found = client.query_opt("select from pg_database where datname = $1", &[&OWNER]).await?;
    if found.is_none() {
        client
            .batch_execute(&format!("create database {OWNER}"))
            .await
            .context("cannot create the database")?;
    }
    Ok(())
}

/// Migrates the database, and says whether it has an account.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<bool> {
    let owner: &Postgresql = &settings.config.migrate.postgresql;
    let mut client: Client = db::connect(owner, "fairywren").await?;
    let logins = settings.config.logins();
    for version in migrations::migrate(&mut client, &logins).await.context("cannot migrate the database")? {
        tracing::info!("applied migration {version}");
    }
    if settings.embedded {
        // The configuration determines the passwords, which may have changed since the roles were created.
        for login in logins {
            migrations::set_password(&client, login).await?;
        }
    }
    Ok(client.query_one("select exists (select from users) as found", &[]).await?.get("found"))
}
