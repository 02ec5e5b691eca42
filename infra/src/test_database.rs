//! A fresh database for each test, on the real server that `FAIRYWREN_TEST_DATABASE` names.
//!
//! The value is the connection of a superuser, as JSON in the form of the configuration's `postgresql`. `make test`
//! starts such a server. A missing one fails the test: nothing is skipped.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::config::Postgresql;
use crate::{db, migrations};

/// Passwords of the two roles on the test server.
const PASSWORD: &str = "only for tests";

/// A migrated database of its own, dropped with [`TestDatabase::drop_now`] or with the server.
#[derive(Debug)]
pub struct TestDatabase {
    /// The owner's connection.
    pub owner: Postgresql,
    /// The site's.
    pub webapi: Postgresql,
    /// The tracker's.
    pub tracker: Postgresql,
}

/// The superuser's connection to the test server.
pub fn server() -> anyhow::Result<Postgresql> {
    let text = std::env::var("FAIRYWREN_TEST_DATABASE")
        .context("FAIRYWREN_TEST_DATABASE is not set: run the tests with `make test`")?;
    serde_json::from_str(&text).context("FAIRYWREN_TEST_DATABASE is not a connection as JSON")
}

impl TestDatabase {
    /// Creates and migrates a database with a name of its own.
    pub async fn create() -> anyhow::Result<Self> {
        let database = Self::create_empty().await?;
        database.migrate().await?;
        Ok(database)
    }

    /// Creates a database without any table.
    pub async fn create_empty() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = server()?;
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let client = db::connect(&server, "test").await?;
        client.batch_execute(&format!("drop database if exists {name}")).await?;
        client.batch_execute(&format!("create database {name}")).await?;
        let login = |user: &str| Postgresql {
            dbname: name.clone(),
            user: user.to_owned(),
            password: PASSWORD.to_owned().into(),
            ..server.clone()
        };
        let (webapi, tracker) = (login("webapi"), login("tracker"));
        Ok(Self { owner: Postgresql { dbname: name, ..server }, webapi, tracker })
    }

    /// Applies all migrations. The first of the process runs alone: it makes the roles, which all databases share, and
    /// Postgres refuses two that change a role at the same moment.
    pub async fn migrate(&self) -> anyhow::Result<Vec<i32>> {
        static HAVE_ROLES: Mutex<bool> = Mutex::const_new(false);
        let mut client = self.client().await?;
        let logins = [&self.webapi, &self.tracker];
        let mut have_roles = HAVE_ROLES.lock().await;
        if *have_roles {
            drop(have_roles);
            return migrations::migrate(&mut client, &logins).await;
        }
        let applied = migrations::migrate(&mut client, &logins).await?;
        *have_roles = true;
        Ok(applied)
    }

    /// A connection of the owner.
    pub async fn client(&self) -> anyhow::Result<Client> {
        db::connect(&self.owner, "test").await
    }

    /// Drops the database and all connections to it.
    pub async fn drop_now(self) -> anyhow::Result<()> {
        let client = db::connect(&server()?, "test").await?;
        client.batch_execute(&format!("drop database {} with (force)", self.owner.dbname)).await?;
        Ok(())
    }
}
