//! `fairywren restore`: replaces the database of a running `up` by a dump, by all of it or by nothing.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Stdio};

use anyhow::Context;
use infra::refusal::Refusal;

use crate::client::{PSQL, client};

/// Options of `psql`. The transaction is committed at the end of its input, and not after an error.
///
/// The dump's own `drop` statements do not suffice: later versions have tables that refer to those of the dump.
const OPTIONS: [&str; 6] = [
    "--quiet",
    "--single-transaction",
    "--output=/dev/null",
    "--command=set client_min_messages = warning",
    "--command=drop schema public cascade; create schema public",
    "--file=-",
];

/// The comment at the end of each dump.
const END: &[u8] = b"-- PostgreSQL database dump complete";

/// Bytes at a dump's end in which [`END`] must stand.
const TAIL: usize = 512;

/// Fails, and so ends the transaction, unless the dump was one of this program's database.
const CHECK: &[u8] = b"\nselect from public.schema_migrations, public.users, public.torrents limit 0;\n";

/// Reads a dump from standard input. The database is unchanged unless all of it could be restored.
///
/// # Errors
/// When no `up` runs on `data`, the input is no complete dump, or a statement in it fails.
pub(crate) async fn restore(data: Option<&Path>) -> anyhow::Result<()> {
    let mut command = client("psql", &PSQL, data).await?;
    let program = command.get_program().to_owned();
    let mut psql = command
        .args(OPTIONS)
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut input = psql.stdin.take().context("psql has no standard input")?;
    if let Err(error) = hand_over(&mut input) {
        // Its connection ends before its input does, so that nothing is committed.
        psql.kill().context("cannot stop psql")?;
        psql.wait().context("cannot await psql")?;
        return Err(error);
    }
    drop(input);
    if psql.wait().context("cannot await psql")?.success() {
        return Ok(());
    }
    Err(Refusal("the dump cannot be restored, see above; the database is as it was".to_owned()).into())
}

/// Copies standard input to `psql`, and then a check. `psql` commits once its input is closed.
fn hand_over(psql: &mut ChildStdin) -> anyhow::Result<()> {
    let mut dump = std::io::stdin().lock();
    let (mut piece, mut tail) = (vec![0; 64 << 10], Vec::new());
    loop {
        let count = dump.read(&mut piece).context("cannot read the dump")?;
        if count == 0 {
            break;
        }
        if psql.write_all(&piece[..count]).is_err() {
            // It has ended because of an error, which it said.
            return Ok(());
        }
        tail.extend_from_slice(&piece[..count]);
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
    if !tail.windows(END.len()).any(|it| it == END) {
        let message =
            "this is no complete dump of `fairywren dump`: its end is missing; the database is as it was";
        return Err(Refusal(message.to_owned()).into());
    }
    // As above, if it cannot be written.
    let _ = psql.write_all(CHECK);
    Ok(())
}
