//! Each migration on the rows that the one before left, as `sql/samples` has them.

use std::fs;

use infra::migrations::{MIGRATIONS, SCHEMA, Schema, bring_to};
use infra::testing::TestDatabase;
use tokio_postgres::Client;

/// The rows that the migration `version` leaves.
fn sample(version: i32, name: &str) -> String {
    let file = format!("{}/../sql/samples/{version:04}_{name}.sql", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{file}: every migration needs a sample: {error}"))
}

async fn texts(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.expect(sql).iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_migration_is_applied_to_the_rows_of_the_one_before() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let mut client = database.client().await.expect("a connection");
    for (at, migration) in MIGRATIONS.iter().enumerate() {
        // Permissions are those of the newest tables.
        let until = Schema { migrations: &MIGRATIONS[..=at], permissions: "" };
        let applied = bring_to(&until, &mut client, &[]).await.expect(migration.name);
        assert_eq!(applied, [migration.version]);
        client.batch_execute(&sample(migration.version, migration.name)).await.expect(migration.name);
    }
    database.migrate().await.expect("permissions");

    let tables = "select relname::text from pg_class
                  where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'schema_steps'";
    for table in texts(&client, tables).await {
        let sql = format!("select exists (select from {table}) as found");
        let found: bool = client.query_one(&sql, &[]).await.expect("an answer").get("found");
        assert!(found, "no sample has a row of {table}");
    }
    drop(client);
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn the_samples_are_of_migrations_that_exist() {
    let folder = format!("{}/../sql/samples", env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(folder).expect("sql/samples") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let known = SCHEMA.migrations.iter().any(|it| name == format!("{:04}_{}.sql", it.version, it.name));
        assert!(known, "{name} is the sample of no migration");
    }
}
