//! Words of titles, in which the search looks for similar ones (tables `title_words` and `forgotten_words`).

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::one;

/// Checks up to `limit` words that were removed from a title and deletes those that no title has any more; returns how
/// many it checked.
///
/// Words of thousands of torrents are kept without a check, which would take long.
pub async fn sweep(client: &impl GenericClient, limit: i64) -> Result<i64, Error> {
    let sql = "
        with left_over as (
            delete from forgotten_words
            where word in (select word from forgotten_words order by word limit $1 for update skip locked)
            returning word
        ), common as (
            select element.word
            from pg_stats s
            cross join lateral
                unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) as element (word, share)
            where s.schemaname = 'public' and s.tablename = 'torrents' and s.attname = 'search'
              and element.share * (select reltuples from pg_class where oid = 'public.torrents'::regclass) > 5000
        ), gone as (
            delete from title_words known
            using left_over
            where known.word = left_over.word
              and known.word not in (select c.word from common c)
              and not exists (
                  select from torrents t where t.search @@ (quote_literal(left_over.word) || ':A')::tsquery
              )
        )
        select count(*) as seen from left_over";
    Ok(one(client, sql, &[&limit]).await?.get("seen"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_torrent, add_user, client, run_sql, value};

    #[tokio::test]
    async fn sweep_forgets_words_that_no_title_has_some_at_a_time() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        add_torrent(&client, 1, "Dover castle", wren).await;
        add_torrent(&client, 2, "Castle ruin", wren).await;
        run_sql(&client, "delete from torrents where title = 'Dover castle'").await;
        let known = "select array_agg(word order by word) from title_words";
        // `castle` comes first by the alphabet, and the other title has it.
        assert_eq!(sweep(&client, 1).await.unwrap(), 1);
        assert_eq!(value::<Vec<String>>(&client, known).await, ["castle", "dover", "ruin"]);
        assert_eq!(sweep(&client, 10).await.unwrap(), 1);
        assert_eq!(value::<Vec<String>>(&client, known).await, ["castle", "ruin"]);
        assert_eq!(sweep(&client, 10).await.unwrap(), 0);
    }
}
