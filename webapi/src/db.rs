//! SQL beside its row mapping; each function takes any connection or transaction.

pub mod catalogue;
pub mod member;
pub mod staff;

use deadpool_postgres::GenericClient;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// Parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Asks the database for nothing but an answer.
pub async fn ping(client: &impl GenericClient) -> Result<(), Error> {
    client.batch_execute("select 1").await
}

/// All rows. The statement is prepared once for each connection.
pub async fn rows(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Error> {
    client.query(&client.prepare_cached(sql).await?, params).await
}

/// The only row; a statement that answers none or several is an error.
pub async fn one(client: &impl GenericClient, sql: &str, params: Params<'_>) -> Result<Row, Error> {
    client.query_one(&client.prepare_cached(sql).await?, params).await
}

/// The row, if there is one.
pub async fn optional(
    client: &impl GenericClient,
    sql: &str,
    params: Params<'_>,
) -> Result<Option<Row>, Error> {
    client.query_opt(&client.prepare_cached(sql).await?, params).await
}

/// How many rows were changed.
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
