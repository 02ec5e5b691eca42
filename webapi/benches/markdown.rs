//! CPU time of rendering descriptions: `cargo bench -p webapi --bench markdown`.
//!
//! Each text is rendered at 25,000, 50,000 and 100,000 characters, the most that a description may have. The first table
//! repeats one token or two in turn; the second repeats mixtures of up to eight tokens, drawn from a fixed seed (`MIXTURES`
//! of them, default 2000). Times are those of the thread, the best of several runs, so that a busy machine changes them
//! little. Exits with 1 where a text takes longer than 150 ms, or where twice its length takes more than 2.4 times as long.
#![expect(clippy::expect_used, reason = "a bench fails by panicking")]

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use webapi::domain::catalogue::markdown::render;

/// Characters of a text, each twice those before.
const LENGTHS: [usize; 3] = [25_000, 50_000, 100_000];

/// Longest time for the longest text.
const LIMIT: Duration = Duration::from_millis(150);

/// Most that twice the length may cost.
const RATIO: f64 = 2.4;

/// Below this a ratio says nothing.
const NOISE: Duration = Duration::from_millis(4);

const TOKENS: [&str; 11] = [">", "+ ", "1. ", "- ", "[", "*_", "|", "![](", "`", "<", "&#"];

/// What mixtures hold besides.
const MORE: [&str; 21] = [
    "a",
    " ",
    "\n",
    "\n\n",
    "  ",
    "    ",
    "*",
    "_",
    "**",
    "~~",
    "](b)",
    "]",
    ")",
    "|-|-|\n",
    "```",
    "# ",
    "---\n",
    "[a]: b\n",
    "\\",
    "<a>",
    "http://a ",
];

fn main() -> ExitCode {
    let mixtures = env::var("MIXTURES").map_or(2000, |it| it.parse().expect("a number"));
    let mut worst = Worst::default();
    println!("| text | 25,000 | 50,000 | 100,000 characters, ms | doubling |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (place, first) in TOKENS.iter().enumerate() {
        worst.row(&[first]);
        for second in &TOKENS[place + 1..] {
            worst.add(&[first, second]);
        }
    }
    println!("| **worst of {} tokens and pairs** | | | {} |", worst.count, worst.cells());
    let mut random = fastrand::Rng::with_seed(0x666a_7279);
    let mut mixed = Worst::default();
    for _ in 0..mixtures {
        let tokens: Vec<&str> = (0..random.usize(2..=8)).map(|_| any(&mut random)).collect();
        mixed.add(&tokens);
    }
    println!("| **worst of {} mixtures** | | | {} |", mixed.count, mixed.cells());
    println!(
        "\nslowest: {:?} and {:?}; steepest: {:?} and {:?}",
        worst.slowest, mixed.slowest, worst.steepest, mixed.steepest
    );
    let good = [&worst, &mixed].into_iter().all(|it| it.time <= LIMIT && it.ratio <= RATIO);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn any(random: &mut fastrand::Rng) -> &'static str {
    let place = random.usize(..TOKENS.len() + MORE.len());
    TOKENS.get(place).or_else(|| MORE.get(place - TOKENS.len())).expect("a token")
}

/// The worst of several texts.
#[derive(Default)]
struct Worst {
    count: usize,
    time: Duration,
    slowest: String,
    ratio: f64,
    steepest: String,
}

impl Worst {
    fn add(&mut self, tokens: &[&str]) -> ([Duration; 3], f64) {
        let mut runs = 3;
        let (times, ratio) = loop {
            let times = LENGTHS.map(|length| best(&text(tokens, length), runs));
            let ratio = [(0, 1), (1, 2)].map(|(half, whole)| {
                if times[whole] < NOISE {
                    1.0
                } else {
                    times[whole].as_secs_f64() / times[half].as_secs_f64()
                }
            });
            let ratio = ratio[0].max(ratio[1]);
            // Once more before something that others did at the time is taken for the text's fault.
            if runs >= 24 || (ratio <= RATIO && times[2] <= LIMIT) {
                break (times, ratio);
            }
            runs *= 2;
        };
        self.count += 1;
        if times[2] > self.time {
            (self.time, self.slowest) = (times[2], tokens.concat());
        }
        if ratio > self.ratio {
            (self.ratio, self.steepest) = (ratio, tokens.concat());
        }
        (times, ratio)
    }

    fn row(&mut self, tokens: &[&str]) {
        let (times, ratio) = self.add(tokens);
        let [short, middle, long] = times.map(millis);
        println!(
            "| `{}` | {short:.1} | {middle:.1} | {long:.1} | {ratio:.2} |",
            tokens.concat().replace('|', "\\|")
        );
    }

    fn cells(&self) -> String {
        format!("{:.1} | {:.2}", millis(self.time), self.ratio)
    }
}

fn text(tokens: &[&str], length: usize) -> String {
    tokens.concat().chars().cycle().take(length).collect()
}

/// CPU time of the quickest of `runs`.
fn best(text: &str, runs: usize) -> Duration {
    let once = || {
        let before = now();
        black_box(render(black_box(text)));
        now().saturating_sub(before)
    };
    (0..runs).map(|_| once()).min().unwrap_or_default()
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().expect("positive"), time.tv_nsec.try_into().expect("below a second"))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
