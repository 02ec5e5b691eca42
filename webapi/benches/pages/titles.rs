//! Titles and file names with the distribution of real ones: few words everywhere, most words rare (Zipf's law).

/// Words that people put into titles, the commonest first.
const COMMON: &str = "the of and a in to complete edition collection volume live season book guide world new history \
    music course best night great first time little american life story war day home love city house last black man \
    king white red art of science classic original street blue river island secret modern garden winter summer road \
    sound wild game light green golden dark star sea mountain forest children young old lost hidden silent long way \
    north south east west european english french german spanish italian japanese ancient early late human nature \
    ocean planet space flight engine design practical introduction learning language writing drawing painting photo \
    film concert session orchestra symphony piano guitar quartet opera folk jazz blues rock electronic ambient \
    archive lecture documentary interview radio magazine journal atlas manual handbook dictionary encyclopedia \
    linux kernel network server security database programming systems algorithms mathematics physics chemistry \
    biology medicine psychology philosophy economics politics religion law education travel food cooking bread";

/// What stands behind a title.
const MARKS: &str = "1080p 720p x264 flac web 2160p x265 mp3 pdf epub dvdrip bluray hdtv v0 320 iso proper remux aac \
    retail scan remastered deluxe uncut s01 s02 s03 s01e01 s01e02 s02e01 en de fr multi";

const ENDINGS: [&str; 6] = ["mkv", "flac", "mp3", "pdf", "txt", "jpg"];
const SYLLABLES: [&str; 40] = [
    "ka", "ri", "to", "men", "sul", "dor", "vin", "el", "ba", "sha", "no", "mir", "tal", "gre", "on", "lu",
    "pe", "rast", "il", "ko", "wen", "dra", "si", "mo", "ther", "qua", "zan", "fi", "bur", "ley", "ham",
    "ost", "cre", "vo", "nik", "ta", "ru", "gan", "hel", "ia",
];

/// Two words, each of every eighth title, that no title has both of.
pub(crate) const NEVER_TOGETHER: [&str; 2] = ["matinee", "vesper"];

/// Words in all.
const VOCABULARY: u64 = 150_000;

/// A deterministic random source (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// The same numbers for the same `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `limit` - 1.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// A rank below `limit`: rank r with a probability in proportion to 1 / r.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks"
    )]
    fn rank(&mut self, limit: u64) -> u64 {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((share * ((limit + 1) as f64).ln()).exp() as u64).saturating_sub(1).min(limit - 1)
    }
}

/// Composes titles and file names, the same for the same torrent.
pub(crate) struct Titles {
    words: Vec<String>,
    marks: Vec<&'static str>,
}

impl Titles {
    /// Makes the vocabulary.
    pub(crate) fn new() -> Self {
        let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).collect();
        let mut random = Random::new(1);
        while (words.len() as u64) < VOCABULARY {
            let count = 2 + random.below(3);
            let syllable =
                |random: &mut Random| SYLLABLES[usize::try_from(random.below(40)).unwrap_or_default()];
            words.push((0..count).map(|_| syllable(&mut random)).collect());
        }
        Self { words, marks: MARKS.split_whitespace().collect() }
    }

    fn word(&self, random: &mut Random) -> &str {
        let rank = random.rank(VOCABULARY);
        &self.words[usize::try_from(rank).unwrap_or_default()]
    }

    /// The title of torrent `number`.
    pub(crate) fn title(&self, number: u64) -> String {
        let mut random = Random::new(number + 1000);
        let mut parts: Vec<String> =
            (0..2 + random.below(6)).map(|_| self.word(&mut random).to_owned()).collect();
        if random.below(2) == 0 {
            parts.push((1950 + random.below(77)).to_string());
        }
        for _ in 0..random.below(4) {
            let rank = random.rank(self.marks.len() as u64);
            parts.push(self.marks[usize::try_from(rank).unwrap_or_default()].to_owned());
        }
        match number % 8 {
            0 => parts.push(NEVER_TOGETHER[0].to_owned()),
            4 => parts.push(NEVER_TOGETHER[1].to_owned()),
            _ => {}
        }
        let dotted = random.below(3) == 0;
        parts.join(if dotted { "." } else { " " })
    }

    /// The path of file `place` of torrent `number`.
    pub(crate) fn file(&self, number: u64, place: u64) -> String {
        let mut random = Random::new(number * 31 + place + 5_000_000_000);
        let words: Vec<&str> = (0..=random.below(4)).map(|_| self.word(&mut random)).collect();
        let folder = if random.below(3) == 0 { "Disc 1/" } else { "" };
        let ending = ENDINGS[usize::try_from(random.rank(6)).unwrap_or_default()];
        format!("{folder}{:02}.{}.{ending}", place + 1, words.join("."))
    }
}

/// `word` with a letter left out, doubled or exchanged with the next.
pub(crate) fn mistyped(word: &str, round: u32) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let place = 1 + (round as usize % letters.len().saturating_sub(2).max(1));
    match round % 3 {
        0 if letters.len() > 4 => drop(letters.remove(place)),
        1 if letters.len() > place + 1 => letters.swap(place, place + 1),
        _ => letters.insert(place, letters[place.min(letters.len() - 1)]),
    }
    letters.into_iter().collect()
}
