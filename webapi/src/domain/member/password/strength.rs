//! Whether a password is hard to guess, by zxcvbn's estimate, and not the name of the account or the site.

use zxcvbn::Score;
use zxcvbn::feedback::Warning;

/// Characters at the start of a password that are judged. The time of zxcvbn grows with the square of the length and
/// with every character that may stand for a letter: 32 of the worst take 0.3 s, 100 take 4 s. So long a password is
/// good enough, unless it repeats itself.
const JUDGED: usize = 32;

/// The site's name, as its pages show it.
const SITE: &str = "Fairywren";

const OWN_NAME: &str = "this is your name, which is tried first; use three or four words that have nothing to do with \
                        each other";
const SITE_NAME: &str = "this is the name of the site, which is tried first; use three or four words that have \
                         nothing to do with each other";
const COMMON: &str = "this is one of the passwords that are tried first; use three or four words that have nothing to \
                      do with each other, or let a password manager make one";
const PATTERN: &str = "rows of keys, repetitions, sequences and dates are easy to guess; use three or four words that \
                       have nothing to do with each other, or let a password manager make one";
const WEAK: &str = "this is easy to guess; make it longer, with words that have nothing to do with each other, or let \
                    a password manager make one";

/// Names that a password must not be: the account's and the site's.
#[derive(Debug, Clone)]
pub struct Names {
    own: String,
    /// In lower case: the site's name, its host, and the longer parts of the host.
    site: Vec<String>,
}

impl Names {
    /// The names of the account `own` and of the site at `url`.
    pub fn new(own: &str, url: &str) -> Self {
        let host = url.split("://").nth(1).unwrap_or(url);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        let parts = host.split('.').filter(|it| it.len() >= super::MIN_CHARS / 2);
        let site = [SITE, host].into_iter().chain(parts).map(str::to_lowercase).collect();
        Self { own: own.to_owned(), site }
    }
}

/// Refuses a password that is guessed within 100 million attempts. The error is a sentence that says what to do.
pub fn judge(password: &str, names: &Names) -> Result<(), &'static str> {
    let bare = bare(password);
    if is_name(&bare, &names.own) {
        return Err(OWN_NAME);
    }
    if names.site.iter().any(|it| is_name(&bare, it)) {
        return Err(SITE_NAME);
    }
    let start: String = password.chars().take(JUDGED).collect();
    let mut known: Vec<&str> = names.site.iter().map(String::as_str).collect();
    known.push(&names.own);
    let found = zxcvbn::zxcvbn(&start, &known);
    if found.score() >= Score::Three {
        return Ok(());
    }
    Err(match found.feedback().and_then(zxcvbn::feedback::Feedback::warning) {
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => COMMON,
        Some(
            Warning::StraightRowsOfKeysAreEasyToGuess
            | Warning::ShortKeyboardPatternsAreEasyToGuess
            | Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess
            | Warning::SequencesLikeAbcAreEasyToGuess
            | Warning::RecentYearsAreEasyToGuess
            | Warning::DatesAreOftenEasyToGuess,
        ) => PATTERN,
        _ => WEAK,
    })
}

/// Whether `password`, which [`bare`] has stripped, is `name` forwards or backwards.
fn is_name(password: &str, name: &str) -> bool {
    let name = bare(name);
    !name.is_empty() && (password == name || password.chars().rev().eq(name.chars()))
}

/// The text in lower case, without digits and signs at its start and end.
fn bare(text: &str) -> String {
    text.trim_matches(|it: char| !it.is_alphabetic()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str) -> Result<(), &'static str> {
        judge(password, &Names::new("Alice-B2", "https://tracker.heathland.example/base"))
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for password in
            ["password", "Password123!", "letmein123", "iloveyou2", "P@ssw0rd", "qwertyuiop", "admin1234"]
        {
            assert_eq!(judged(password), Err(COMMON), "{password}");
        }
        for password in ["aaaaaaaaaaaa", "abcabcabcabc", "abcdefgh", "22.10.1985", "zxcvbnm,./"] {
            assert_eq!(judged(password), Err(PATTERN), "{password}");
        }
        assert_eq!(judged("Tr0ub4dour&3"), Err(WEAK));
    }

    #[test]
    fn names_are_no_password_in_any_case_reversed_or_with_digits() {
        for password in
            ["alice-b2", "ALICE-B2", "alice-b2026", "2alice-b", "b-ecila", "B-ECILA99!", "1234alice-b1234"]
        {
            assert_eq!(judged(password), Err(OWN_NAME), "{password}");
        }
        for password in [
            "fairywren",
            "FairyWren2026",
            "nerwyriaf",
            "heathland1",
            "dnalhtaeh",
            "tracker.heathland.example",
        ] {
            assert_eq!(judged(password), Err(SITE_NAME), "{password}");
        }
        let short = Names::new("al", "http://127.0.0.1:8000");
        assert_eq!(judge("al123456789", &short), Err(OWN_NAME));
        let digits = Names::new("42", "http://127.0.0.1:8000");
        assert_eq!(judge("nightjar heath", &digits), Ok(()), "a name without a letter forbids nothing");
    }

    #[test]
    fn a_few_words_or_random_characters_will_do() {
        for password in
            ["correct horse", "nightjar heath", "quiet harbour lamp", "mW3kR8tYq2", "grün blau lila"]
        {
            assert_eq!(judged(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_long_password_is_judged() {
        let long = format!("{}{}", "a".repeat(JUDGED), "nightjar heath");
        assert_eq!(judged(&long), Err(PATTERN));
        assert_eq!(judged(&"ß€é4@8({[<".repeat(20)), Ok(()));
    }
}
