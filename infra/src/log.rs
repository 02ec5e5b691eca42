//! Logs: structured lines on stderr, chosen with `RUST_LOG`.

use tracing_subscriber::EnvFilter;

/// Starts logging; `info` where `RUST_LOG` says nothing.
///
/// Libraries below `warn`: their messages may carry request paths, and an announce path is a secret.
pub fn start() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,tracker=info,webapi=info,infra=info,fairywren=info"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
