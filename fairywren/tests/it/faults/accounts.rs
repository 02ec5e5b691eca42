//! What members moved, by their clients and by the database.

use std::collections::HashMap;

use super::installation::{Installation, Peer};

/// What each member moved.
pub(crate) fn moved(peers: &[Peer]) -> HashMap<u32, u64> {
    let mut moved = HashMap::new();
    for peer in peers {
        *moved.entry(peer.member).or_default() += peer.moved();
    }
    moved
}

/// What the database says that each member uploaded; the same by torrent and in all.
pub(crate) async fn counted(site: &Installation) -> HashMap<u32, u64> {
    let owner = site.owner().await.expect("the database");
    let sql = "select user_id, uploaded,
                      (select coalesce(sum(uploaded), 0)::bigint from transfers where user_id = it.user_id) as parts
               from user_totals it";
    let mut totals = HashMap::new();
    for row in owner.query(sql, &[]).await.expect("totals") {
        let (total, parts): (i64, i64) = (row.get("uploaded"), row.get("parts"));
        assert_eq!(total, parts, "the sum of a member's torrents");
        totals.insert(row.get::<_, i32>("user_id").cast_unsigned(), total.cast_unsigned());
    }
    totals
}

/// What part of it was counted, in hundredths.
pub(crate) fn share(totals: &HashMap<u32, u64>, peers: &[Peer]) -> u64 {
    totals.values().sum::<u64>() * 100 / moved(peers).values().sum::<u64>().max(1)
}
