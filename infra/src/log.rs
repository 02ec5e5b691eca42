//! Logs: structured lines on stderr, chosen with `RUST_LOG`.

use tracing_subscriber::EnvFilter;

/// Directives that `RUST_LOG` cannot override: below `warn`, `tokio_postgres` logs the parameters of every statement;
/// below `error`, `tower_sessions` logs a line for each invented cookie.
const SILENCED: [&str; 3] = ["tokio_postgres=warn", "tower_sessions=error", "tower_sessions_core=error"];

/// Starts logging, by default at level `info` for our crates.
///
/// Libraries log at `warn`: their other messages may contain request paths, and an announce path contains a key.
pub fn start() {
    let filter = silence(EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("warn,tracker=info,webapi=info,infra=info,fairywren=info,swarm=info")
    }));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}

fn silence(filter: EnvFilter) -> EnvFilter {
    SILENCED.iter().filter_map(|it| it.parse().ok()).fold(filter, EnvFilter::add_directive)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn cookies_that_strangers_make_up_write_no_line() {
        let captured = Captured::default();
        let writer = captured.clone();
        let log = tracing_subscriber::fmt()
            .with_env_filter(silence(EnvFilter::new("trace")))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::warn!(target: "tower_sessions::service", "malformed");
            tracing::warn!(target: "tower_sessions_core::session", "not found");
            tracing::info!(target: "tokio_postgres::query", "a parameter");
            tracing::error!(target: "tower_sessions_core::session", "cannot be stored");
        });
        let log = String::from_utf8(captured.0.lock().expect("the lock").clone()).expect("text");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("cannot be stored"), "{log}");
    }
}
