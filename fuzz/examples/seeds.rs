//! `seeds FOLDER` writes the seeds of each target to `FOLDER/TARGET/` and its words to `FOLDER/TARGET.dict`, in
//! libFuzzer's formats, and prints the names of the targets.

use std::io::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    let folder = PathBuf::from(folder);
    for target in fuzz::TARGETS {
        let corpus = folder.join(target.name);
        fs::create_dir_all(&corpus)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number:03}")), seed)?;
        }
        let mut words = Vec::new();
        for word in target.words {
            words.push(b'"');
            for byte in word.bytes() {
                write!(words, "\\x{byte:02x}")?;
            }
            words.extend_from_slice(b"\"\n");
        }
        fs::write(folder.join(format!("{}.dict", target.name)), words)?;
        println!("{}", target.name);
    }
    Ok(())
}
