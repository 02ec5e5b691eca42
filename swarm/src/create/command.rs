//! `swarm create`: its arguments, its progress bar, its output file.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bt::bencode::Limits;
use bt::metainfo::{Kind, Metainfo};
use clap::Args;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use url::Url;

use super::{Event, Options, create, found, refusal};

/// `swarm create`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Create {
    /// File or folder to share
    path: PathBuf,
    /// The tracker's announce URL; the site writes its own at each download. Without one rtorrent refuses the torrent
    #[arg(long, value_name = "URL")]
    announce: Option<String>,
    /// Version 1 (BEP 3), which every program reads and seeds (the default)
    #[arg(long, group = "kind")]
    v1: bool,
    /// Version 2 (BEP 52), for qBittorrent 4.4 and others of libtorrent 2
    #[arg(long, group = "kind")]
    v2: bool,
    /// Both in one; Transmission 3 refuses it, and rtorrent 0.9 and aria2 miss pad files in a folder that they seed
    #[arg(long, group = "kind")]
    hybrid: bool,
    /// A power of two from 16 to 262144; without it about 1000 to 2000 pieces of at most 16 MiB
    #[arg(long, value_name = "KiB")]
    piece_length: Option<u64>,
    /// Clients learn of peers from the tracker only (the default)
    #[arg(long, group = "peers")]
    private: bool,
    /// Clients may find peers by any way they know
    #[arg(long, group = "peers")]
    public: bool,
    /// A remark that clients show
    #[arg(long, default_value = "", hide_default_value = true)]
    comment: String,
    /// Instead of the name of the file or folder
    #[arg(long)]
    name: Option<String>,
    /// Where to write, `-` for standard output [default: NAME.torrent]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the output if it is there
    #[arg(long)]
    force: bool,
}

/// Makes the torrent, writes it and prints its hashes.
pub(crate) fn run(arguments: &Create) -> anyhow::Result<()> {
    let options = arguments.options()?;
    let output = match &arguments.output {
        Some(output) if output == Path::new("-") => None,
        Some(output) => Some(output.clone()),
        None => Some(format!("{}.torrent", options.name.as_deref().unwrap_or_default()).into()),
    };
    // Hashing may take hours: the output is checked first.
    output.iter().try_for_each(|output| arguments.check_output(output))?;
    let bar = Bar::new();
    let torrent = create(&arguments.path, &options, &|event| bar.show(&event));
    bar.end();
    let torrent = torrent?;
    let metainfo =
        Metainfo::parse(&torrent, &Limits::default()).context("cannot read the torrent that was made")?;
    let summary = summary(&metainfo);
    if let Some(output) = output {
        write(&output, &torrent, arguments.force)?;
        println!("{summary}\nwritten: {}", output.display());
    } else {
        io::stdout().write_all(&torrent).context("cannot write to standard output")?;
        eprintln!("{summary}");
    }
    Ok(())
}

impl Create {
    fn options(&self) -> anyhow::Result<Options> {
        let announce = self.announce.clone().unwrap_or_default();
        if self.announce.is_some() {
            let url =
                Url::parse(&announce).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "udp"));
            if url.is_none_or(|url| !url.has_host()) {
                return Err(refusal(
                    "--announce wants the whole URL of a tracker, beginning with http://, https:// or udp://.",
                ));
            }
        }
        let kind = match (self.v2, self.hybrid) {
            (true, _) => Kind::V2,
            (_, true) => Kind::Hybrid,
            _ => Kind::V1,
        };
        Ok(Options {
            kind,
            piece_length: self.piece_length.map(|length| length.saturating_mul(1024)),
            private: !self.public,
            name: Some(self.name.clone().map_or_else(|| found::name(&self.path), Ok)?),
            announce,
            comment: self.comment.clone(),
        })
    }

    fn check_output(&self, output: &Path) -> anyhow::Result<()> {
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(refusal(format!(
                "{} cannot be written (there is no such folder): choose another --output.",
                output.display()
            )));
        }
        let Ok(there) = fs::canonicalize(output) else { return Ok(()) };
        if !self.force {
            let output = output.display();
            return Err(refusal(format!(
                "{output} is there already: choose another --output, or --force to replace it."
            )));
        }
        if fs::canonicalize(&self.path).is_ok_and(|path| there.starts_with(path)) {
            let output = output.display();
            return Err(refusal(format!(
                "{output} is among what is to be shared, and would change: choose another --output."
            )));
        }
        Ok(())
    }
}

/// A torrent's hashes, size and kind, in lines.
fn summary(metainfo: &Metainfo<'_>) -> String {
    let v1 = metainfo.hashes.v1.map(|hash| format!("info hash, version 1: {hash}\n"));
    let v2 = metainfo.hashes.v2.map(|hash| format!("info hash, version 2: {hash}\n"));
    let hashes = v1.into_iter().chain(v2).collect::<String>();
    let files =
        if let [_] = *metainfo.files { "1 file".into() } else { format!("{} files", metainfo.files.len()) };
    let (size, length) = (HumanBytes(metainfo.size), HumanBytes(metainfo.piece_length));
    let peers = if metainfo.private { "private" } else { "public" };
    format!("{hashes}{files}, {size} in pieces of {length}, {peers}")
}

/// Writes the whole file, or nothing.
fn write(output: &Path, torrent: &[u8], replace: bool) -> anyhow::Result<()> {
    let mut part = output.to_owned();
    if replace {
        part.as_mut_os_string().push(format!(".{}", std::process::id()));
    }
    let written = OpenOptions::new().write(true).create_new(true).open(&part).and_then(|mut file| {
        let written =
            file.write_all(torrent).and_then(|()| if replace { fs::rename(&part, output) } else { Ok(()) });
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    });
    written.map_err(|error| {
        refusal(format!("{} cannot be written ({error}): choose another --output.", output.display()))
    })
}

/// A progress bar on a terminal; elsewhere only lines about what is left out.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()))
    }

    fn show(&self, event: &Event<'_>) {
        match event {
            Event::Skipped(path) => {
                eprintln!("swarm: left out {}, which is neither a file nor a folder", path.display());
            }
            Event::Begun(layout, size) => {
                self.0.set_length(*size);
                if io::stderr().is_terminal() {
                    self.0.set_draw_target(ProgressDrawTarget::stderr());
                } else {
                    let length = HumanBytes(layout.piece_length());
                    eprintln!("swarm: hashing {} in pieces of {length}", HumanBytes(*size));
                }
                let template =
                    "{bar:30} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    self.0.set_style(style);
                }
            }
            Event::Hashed(bytes) => self.0.inc(*bytes),
        }
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
