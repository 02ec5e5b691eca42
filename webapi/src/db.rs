//! SQL beside its row types. Each function takes any connection or transaction.

pub mod catalogue;
pub mod member;
pub mod staff;

use deadpool_postgres::GenericClient;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// The parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Checks that the database answers.
pub async fn ping(client: &impl GenericClient) -> Result<(), Error> {
    client.batch_execute("select 1").await
}

/// Runs a query and returns all rows. Each connection prepares the statement once and keeps it.
pub async fn rows(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Error> {
    client.query(&client.prepare_cached(sql).await?, params).await
}

/// Runs a query that must return one row; none or several are an error.
pub async fn one(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Row, Error> {
    client.query_one(&client.prepare_cached(sql).await?, params).await
}

/// Runs a query that returns one row or none.
pub async fn optional(
    client: &impl GenericClient,
    sql: &str,
    params: Params<'_>,
) -> Result<Option<Row>, Error> {
    client.query_opt(&client.prepare_cached(sql).await?, params).await
}

/// Runs a statement and returns how many rows it changed.
pub async fn execute(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<u64, Error> {
    client.execute(&client.prepare_cached(sql).await?, params).await
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{connect, value};
    use infra::testing::TestDatabase;

    #[tokio::test]
    async fn ping_fails_once_the_connection_has_ended() {
        let database = TestDatabase::create().await.unwrap();
        let client = connect(&database).await;
        ping(&client).await.unwrap();
        let pid: i32 = value(&client, "select pg_backend_pid()").await;
        // Waits until the server has ended the connection.
        let end = format!("select pg_terminate_backend({pid}, 300000)");
        database.client().await.unwrap().batch_execute(&end).await.unwrap();
        ping(&client).await.unwrap_err();
    }
}
