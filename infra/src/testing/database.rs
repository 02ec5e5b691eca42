//! A fresh database for each test, on a real server: the environment variable `FAIRYWREN_TEST_DATABASE` has the
//! connection of a superuser, as JSON in the form of the configuration's `postgresql`. `make test` starts such a
//! server. Without it tests fail; they are not skipped.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres::Client;

use crate::config::{Postgresql, Role, roles};
use crate::{db, migrations};

/// Passwords of all roles on the test server.
const PASSWORD: &str = "only for tests";

/// Key of the advisory lock of the process that creates the template database. The number has no meaning.
const LOCK: i64 = 0x7465_6d70_6c61;

/// A database of one test. It lasts until [`TestDatabase::drop_now`], or as long as the server.
#[derive(Debug)]
pub struct TestDatabase {
    /// The owner's connection.
    pub owner: Postgresql,
    /// The connections of [`roles`], in their order.
    logins: Vec<Postgresql>,
}

/// The superuser's connection to the test server.
pub fn server() -> anyhow::Result<Postgresql> {
    let text = std::env::var("FAIRYWREN_TEST_DATABASE")
        .context("FAIRYWREN_TEST_DATABASE is not set: run the tests with `make test`")?;
    serde_json::from_str(&text).context("FAIRYWREN_TEST_DATABASE is not a connection as JSON")
}

impl TestDatabase {
    /// Copies the migrated template database under a new name.
    pub async fn create() -> anyhow::Result<Self> {
        let server = server()?;
        let template = template(&server).await?;
        let database = Self::named(&server, &unused_name());
        let client = db::connect(&server, "test").await?;
        let name = &database.owner.dbname;
        client.batch_execute(&format!("drop database if exists {name}")).await?;
        client.batch_execute(&format!("create database {name} template {template}")).await?;
        // A copy has the permissions on objects in the database, but not those on the database itself.
        client.batch_execute(&format!("revoke all on database {name} from public")).await?;
        for role in roles() {
            client.batch_execute(&format!("grant connect on database {name} to {}", role.user)).await?;
        }
        Ok(database)
    }

    /// Creates a database without any table.
    pub async fn create_empty() -> anyhow::Result<Self> {
        let server = server()?;
        let database = Self::named(&server, &unused_name());
        let client = db::connect(&server, "test").await?;
        let name = &database.owner.dbname;
        client.batch_execute(&format!("drop database if exists {name}")).await?;
        client.batch_execute(&format!("create database {name}")).await?;
        Ok(database)
    }

    /// The connections to the database `name`, which may not exist yet.
    pub fn named(server: &Postgresql, name: &str) -> Self {
        let login = |role: &Role| Postgresql {
            dbname: name.to_owned(),
            user: role.user.to_owned(),
            password: PASSWORD.to_owned().into(),
            ..server.clone()
        };
        let owner = Postgresql { dbname: name.to_owned(), ..server.clone() };
        Self { owner, logins: roles().iter().map(login).collect() }
    }

    /// The connections of [`roles`], in their order.
    pub fn logins(&self) -> Vec<&Postgresql> {
        self.logins.iter().collect()
    }

    /// The connection of the process whose section of the configuration is `section`, such as `webapi`.
    ///
    /// # Panics
    /// When none of [`roles`] has that section.
    pub fn login(&self, section: &str) -> &Postgresql {
        let mut logins = roles().iter().zip(&self.logins);
        let found = logins.find(|(role, _)| role.section == section);
        let (_, login) = found.unwrap_or_else(|| panic!("no database role has the section {section}"));
        login
    }

    /// Applies all migrations. The first call of the process runs alone: it creates the roles, which all databases
    /// share, and Postgres refuses two changes of a role at the same time.
    pub async fn migrate(&self) -> anyhow::Result<Vec<i32>> {
        static HAVE_ROLES: Mutex<bool> = Mutex::const_new(false);
        let mut client = self.client().await?;
        let logins = self.logins();
        let mut have_roles = HAVE_ROLES.lock().await;
        if *have_roles {
            drop(have_roles);
            return migrations::migrate(&mut client, &logins).await;
        }
        let applied = migrations::migrate(&mut client, &logins).await?;
        *have_roles = true;
        Ok(applied)
    }

    /// Opens a connection of the owner.
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

fn unused_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The name of the template database, which is migrated and accepts no connections. The first process that needs it
/// creates it.
async fn template(server: &Postgresql) -> anyhow::Result<&'static str> {
    static NAME: OnceCell<String> = OnceCell::const_new();
    let name = NAME.get_or_try_init(async || {
        let name = template_name();
        let client = db::connect(server, "test").await?;
        // The lock is released when the connection ends.
        client.execute("select pg_advisory_lock($1)", &[&LOCK]).await?;
        if client.query_opt("select from pg_database where datname = $1", &[&name]).await?.is_none() {
            make_template(server, &client, &name).await.context("cannot make the template database")?;
        }
        Ok::<_, anyhow::Error>(name)
    });
    Ok(name.await?.as_str())
}

async fn make_template(server: &Postgresql, client: &Client, name: &str) -> anyhow::Result<()> {
    let unfinished = TestDatabase::named(server, &format!("{name}_unfinished"));
    let made = &unfinished.owner.dbname;
    client.batch_execute(&format!("drop database if exists {made} with (force)")).await?;
    client.batch_execute(&format!("create database {made}")).await?;
    unfinished.migrate().await?;
    // A database cannot be copied or renamed while somebody is connected to it.
    client.batch_execute(&format!("alter database {made} with allow_connections false")).await?;
    client.batch_execute(&format!("alter database {made} rename to {name}")).await?;
    Ok(())
}

/// A name that depends on the schema, since the server may outlive a build.
fn template_name() -> String {
    let mut hasher = blake3::Hasher::new();
    for migration in migrations::MIGRATIONS {
        hasher.update(migration.sql.as_bytes());
    }
    hasher.update(migrations::SCHEMA.permissions.as_bytes());
    format!("template_{}", &hasher.finalize().to_hex()[..16])
}
