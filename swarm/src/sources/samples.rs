//! Generates sample content to share.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use fastrand::Rng;

const MIB: usize = 1 << 20;

/// A fixed seed, so that the files have the same info hashes each time.
const SEED: u64 = 0x5eed;

/// Pixels of a row of the picture, and rows: 24 MiB in all.
const WIDTH: usize = 4096;
const HEIGHT: usize = 2048;

const SUBJECTS: [&str; 6] =
    ["A wren", "The tracker", "Each leecher", "One seeder", "The swarm", "A rare piece"];
const VERBS: [&str; 6] = ["finds", "follows", "counts", "remembers", "shares", "carries"];
const OBJECTS: [&str; 6] = [
    "the other peers",
    "a piece of the film",
    "what is missing",
    "the last block",
    "its own pace",
    "a friend",
];
const ENDS: [&str; 4] = [".", " before noon.", " without a word.", ", and then another."];

/// A file to make.
#[derive(Debug)]
struct Sample {
    /// Path below the folder.
    path: String,
    bytes: usize,
    content: Content,
}

/// The content of a file.
#[derive(Debug, Clone, Copy)]
enum Content {
    /// Random bytes, like compressed films and music.
    Noise,
    /// Random English sentences.
    Sentences,
    /// Comma-separated numbers.
    Readings,
    /// A picture (binary PPM).
    Picture,
}

/// Fills `folder`, which is made if missing, with three files and two folders of 100 MiB in all, unless it has entries that
/// are not hidden. Whether it was filled.
pub(crate) fn generate(folder: &Path) -> anyhow::Result<bool> {
    generate_parts(folder, &samples(), SEED)
}

fn generate_parts(folder: &Path, samples: &[Sample], seed: u64) -> anyhow::Result<bool> {
    let make = || {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            if !entry?.file_name().as_encoded_bytes().starts_with(b".") {
                return Ok(false);
            }
        }
        for (sample, number) in samples.iter().zip(0..) {
            sample.write(folder, Rng::with_seed(seed.wrapping_add(number)))?;
        }
        Ok::<_, io::Error>(true)
    };
    make().with_context(|| format!("cannot write samples into {}", folder.display()))
}

fn samples() -> Vec<Sample> {
    let sample = |path: &str, bytes, content| Sample { path: path.to_owned(), bytes, content };
    let mut samples = vec![
        sample("sample-film.bin", 40 * MIB, Content::Noise),
        sample("sample-picture.ppm", 24 * MIB, Content::Picture),
        sample("sample-text.txt", MIB, Content::Sentences),
    ];
    for track in 1..=8 {
        samples.push(sample(&format!("sample-album/track-{track}.bin"), 20 * MIB / 8, Content::Noise));
    }
    for station in ["north", "east", "south"] {
        for month in 1..=5 {
            let path = format!("sample-dataset/{station}/2026/readings-{month:02}.csv");
            samples.push(sample(&path, MIB, Content::Readings));
        }
    }
    samples
}

impl Sample {
    fn write(&self, folder: &Path, mut rng: Rng) -> io::Result<()> {
        let path = folder.join(&self.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut out = BufWriter::new(File::create(path)?);
        let (mut left, mut number, mut part) = (self.bytes, 0, Vec::new());
        while left > 0 {
            part.clear();
            self.content.append(number, &mut rng, &mut part)?;
            part.truncate(left);
            out.write_all(&part)?;
            left -= part.len();
            number += 1;
        }
        out.flush()
    }
}

impl Content {
    /// Appends the part with that number, one byte at least.
    fn append(self, number: usize, rng: &mut Rng, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Noise => {
                out.resize(64 << 10, 0);
                rng.fill(out);
                Ok(())
            }
            Self::Sentences => {
                let mut word = |words: &[&'static str]| words[rng.usize(..words.len())];
                let (subject, verb, object) = (word(&SUBJECTS), word(&VERBS), word(&OBJECTS));
                let end = if number % 8 == 7 { ".\n" } else { word(&ENDS) };
                let space = if number % 8 == 7 { "" } else { " " };
                write!(out, "{subject} {verb} {object}{end}{space}")
            }
            Self::Readings => {
                let (celsius, hectopascal) = (rng.i32(-150..350), rng.u32(9500..10500));
                writeln!(
                    out,
                    "{number},{}.{},{}.{}",
                    celsius / 10,
                    celsius % 10,
                    hectopascal / 10,
                    hectopascal % 10
                )
            }
            Self::Picture => row(number, rng, out),
        }
    }
}

/// A row of a colour gradient with noise. The height leaves out the last row, which is cut off by the header's length.
fn row(number: usize, rng: &mut Rng, out: &mut Vec<u8>) -> io::Result<()> {
    if number == 0 {
        writeln!(out, "P6 {WIDTH} {} 255", HEIGHT - 1)?;
    }
    let mut grain = [0; WIDTH];
    rng.fill(&mut grain);
    let shade = |at: usize, all: usize| u8::try_from(at * 224 / all).unwrap_or(u8::MAX);
    for (x, grain) in grain.into_iter().enumerate() {
        let grain = grain >> 3;
        let (across, down) = (shade(x, WIDTH), shade(number % HEIGHT, HEIGHT));
        out.extend([
            across.saturating_add(grain),
            down.saturating_add(grain),
            224 - across / 2 - down / 2 + grain,
        ]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All files below `folder`, by path.
    fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for sample in samples() {
            files.push((sample.path.clone(), fs::read(folder.join(&sample.path)).expect("a file")));
        }
        files
    }

    /// Small ones.
    fn generated(seed: u64) -> Vec<(String, Vec<u8>)> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut samples = samples();
        for sample in &mut samples {
            sample.bytes /= 512;
        }
        assert!(generate_parts(folder.path(), &samples, seed).expect("made"));
        read(folder.path())
    }

    #[test]
    fn there_are_three_files_and_two_folders_of_100_mib() {
        let samples = samples();
        assert_eq!(samples.iter().map(|it| it.bytes).sum::<usize>(), 100 * MIB);
        let mut names: Vec<&str> = samples.iter().filter_map(|it| it.path.split('/').next()).collect();
        names.sort_unstable();
        names.dedup();
        assert!(names.iter().all(|it| it.starts_with("sample-")));
        assert_eq!(names.len(), 5);
        assert_eq!(samples.iter().filter(|it| !it.path.contains('/')).count(), 3);
    }

    #[test]
    fn the_same_seed_makes_the_same_files_and_another_others() {
        let files = generated(1);
        assert_eq!(files, generated(1));
        for (one, other) in files.iter().zip(generated(2)) {
            assert_ne!(one.1, other.1, "{}", one.0);
        }
        for (sample, (_, content)) in samples().iter().zip(&files) {
            assert_eq!(content.len(), sample.bytes / 512);
        }
    }

    #[test]
    fn nothing_is_made_beside_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mine"), "x").expect("written");
        assert!(!generate(folder.path()).expect("looked"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
