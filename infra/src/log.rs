//! Logs: structured lines on stderr, chosen with `RUST_LOG`.

use tracing_subscriber::EnvFilter;

/// Starts logging; `info` where `RUST_LOG` says nothing.
///
/// Libraries below `warn`: their messages may carry request paths, and an announce path is a secret. What
/// `tokio_postgres` says below `warn` stays unsaid whatever `RUST_LOG` wants: the parameters of every statement.
pub fn start() {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("warn,tracker=info,webapi=info,infra=info,fairywren=info,swarm=info")
    });
    if let Ok(silence) = "tokio_postgres=warn".parse() {
        filter = filter.add_directive(silence);
    }
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}
