//! Divides a migration's file into steps.

use anyhow::bail;

use super::Migration;

/// Beginning of a line that begins a step.
const MARK: &str = "--- ";

/// How the statements of a step are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Statements that are run in one transaction.
    Transaction,
    /// One statement that is run outside any transaction.
    Concurrently,
    /// One statement that is repeated until it changes no row.
    Batches,
}

/// A part of a migration whose end is stored, so that a killed migration continues after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) migration: Migration,
    pub(super) kind: Kind,
    /// Its number in the file, from 1.
    pub(super) number: i32,
    /// Whether it is the migration's last step.
    pub(super) is_last: bool,
    pub(super) sql: &'static str,
}

/// The steps of `migration`, at least one.
///
/// # Errors
/// When the word after the mark is not one of the three, or the file has no statement.
pub(super) fn steps(migration: Migration) -> anyhow::Result<Vec<Step>> {
    let mut parts: Vec<(Kind, usize, usize)> = Vec::new();
    let (mut kind, mut begin, mut at) = (Kind::Transaction, 0, 0);
    for line in migration.sql.split_inclusive('\n') {
        if let Some(word) = line.strip_prefix(MARK) {
            parts.push((kind, begin, at));
            kind = match word.trim() {
                "transaction" => Kind::Transaction,
                "concurrently" => Kind::Concurrently,
                "batches" => Kind::Batches,
                other => {
                    let Migration { version, name, .. } = migration;
                    bail!(
                        "migration {version:04}_{name}.sql: `{MARK}{other}`: expected transaction, concurrently or \
                         batches"
                    );
                }
            };
            begin = at + line.len();
        }
        at += line.len();
    }
    parts.push((kind, begin, at));
    // Comments before the first mark are not a step.
    parts.retain(|(_, begin, end)| has_statement(&migration.sql[*begin..*end]));
    if parts.is_empty() {
        let Migration { version, name, .. } = migration;
        bail!("migration {version:04}_{name}.sql holds no statement");
    }
    let last = parts.len();
    let steps = (1..).zip(parts).map(|(number, (kind, begin, end))| Step {
        migration,
        kind,
        number,
        is_last: usize::try_from(number).is_ok_and(|it| it == last),
        sql: &migration.sql[begin..end],
    });
    Ok(steps.collect())
}

fn has_statement(sql: &str) -> bool {
    sql.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::super::MIGRATIONS;
    use super::*;

    fn of(sql: &'static str) -> anyhow::Result<Vec<(Kind, &'static str)>> {
        let steps = steps(Migration { version: 1, name: "a", sql })?;
        Ok(steps.iter().map(|step| (step.kind, step.sql.trim())).collect())
    }

    #[test]
    fn a_file_without_marks_is_one_transaction() {
        let sql = "-- A comment.\nselect 1;\nselect 2;\n";
        assert_eq!(of(sql).expect("steps"), [(Kind::Transaction, sql.trim())]);
    }

    #[test]
    fn marks_divide_a_file_into_steps() {
        let sql = "-- A comment.\n--- batches\nupdate a;\n--- concurrently\ncreate b;\n--- transaction\nselect 1;\n";
        let expected = [
            (Kind::Batches, "update a;"),
            (Kind::Concurrently, "create b;"),
            (Kind::Transaction, "select 1;"),
        ];
        assert_eq!(of(sql).expect("steps"), expected);
    }

    #[test]
    fn the_last_step_ends_the_migration() {
        let sql = "select 1;\n--- batches\nupdate a;\n";
        let steps = steps(Migration { version: 1, name: "a", sql }).expect("steps");
        let ends: Vec<_> = steps.iter().map(|step| (step.number, step.is_last)).collect();
        assert_eq!(ends, [(1, false), (2, true)]);
    }

    #[test]
    fn an_unknown_mark_and_an_empty_file_are_refused() {
        for (sql, word) in [("--- batch\nupdate a;\n", "--- batch`"), ("-- Nothing.\n", "holds no statement")]
        {
            let refusal = of(sql).expect_err("refused").to_string();
            assert!(refusal.contains("0001_a.sql") && refusal.contains(word), "{refusal}");
        }
    }

    #[test]
    fn every_migration_can_be_divided() {
        for migration in MIGRATIONS {
            steps(*migration).expect("steps");
        }
    }
}
