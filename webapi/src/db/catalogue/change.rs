//! The number of uploads and edits of each member today, in UTC (table `member_changes`).

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::{one, optional};
use crate::id::UserId;

/// The kinds of changes that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new torrent.
    Upload,
    /// New texts for a torrent.
    Edit,
}

/// How many changes of this kind member `user_id` made today.
pub async fn today(client: &impl GenericClient, user_id: UserId, change: Change) -> Result<i32, Error> {
    let sql = "
        select uploads, edits from member_changes
        where user_id = $1 and day = (now() at time zone 'utc')::date";
    let row = optional(client, sql, &[&user_id]).await?;
    Ok(row.map_or(0, |row| match change {
        Change::Upload => row.get("uploads"),
        Change::Edit => row.get("edits"),
    }))
}

/// Counts a change of member `user_id`; returns how many of this kind they have made today.
pub async fn count(client: &impl GenericClient, user_id: UserId, change: Change) -> Result<i32, Error> {
    let sql = "
        insert into member_changes as known (user_id, day, uploads, edits)
        values ($1, (now() at time zone 'utc')::date, $2, $3)
        on conflict (user_id) do update set
            uploads = excluded.uploads + case when known.day = excluded.day then known.uploads else 0 end,
            edits = excluded.edits + case when known.day = excluded.day then known.edits else 0 end,
            day = excluded.day
        returning uploads, edits";
    let one_of = |kind| i32::from(kind == change);
    let row = one(client, sql, &[&user_id, &one_of(Change::Upload), &one_of(Change::Edit)]).await?;
    Ok(match change {
        Change::Upload => row.get("uploads"),
        Change::Edit => row.get("edits"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_user, client};

    #[tokio::test]
    async fn today_counts_one_members_changes_of_one_kind_since_midnight() {
        let mut client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        // In a transaction the day stays the same.
        let transaction = client.transaction().await.unwrap();
        for change in [Change::Upload, Change::Upload, Change::Edit] {
            count(&transaction, wren, change).await.unwrap();
        }
        assert_eq!(today(&transaction, wren, Change::Upload).await.unwrap(), 2);
        assert_eq!(today(&transaction, wren, Change::Edit).await.unwrap(), 1);
        assert_eq!(today(&transaction, robin, Change::Upload).await.unwrap(), 0);
        transaction.batch_execute("update member_changes set day = day - 1").await.unwrap();
        assert_eq!(today(&transaction, wren, Change::Upload).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn count_starts_both_kinds_anew_each_day() {
        let mut client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let transaction = client.transaction().await.unwrap();
        assert_eq!(count(&transaction, wren, Change::Upload).await.unwrap(), 1);
        assert_eq!(count(&transaction, wren, Change::Upload).await.unwrap(), 2);
        assert_eq!(count(&transaction, wren, Change::Edit).await.unwrap(), 1);
        transaction.batch_execute("update member_changes set day = day - 1").await.unwrap();
        assert_eq!(count(&transaction, wren, Change::Upload).await.unwrap(), 1);
        assert_eq!(count(&transaction, wren, Change::Edit).await.unwrap(), 1);
    }
}
