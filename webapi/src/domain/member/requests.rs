//! Limits how many requests each member may send, by token buckets in memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::Error;
use crate::id::UserId;

/// A member may send at once as many requests as in this time. A member who was silent for as long is forgotten.
const WINDOW: Duration = Duration::from_mins(1);

/// A bucket for each member who sent a request within the last minute or two.
#[derive(Debug)]
pub struct Requests {
    per_minute: u32,
    /// Held for one look-up or one sweep.
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    by_member: HashMap<UserId, Bucket>,
    swept: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Requests that the member could still send at the time `at`.
    left: f64,
    at: Instant,
}

impl Requests {
    /// Allows each member `per_minute` requests a minute, and as many at once.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::new(Buckets { by_member: HashMap::new(), swept: Instant::now() }) }
    }

    /// Counts a request of `member`.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] when they have sent too many.
    pub fn count(&self, member: UserId, now: Instant) -> Result<(), Error> {
        let most = f64::from(self.per_minute);
        let per_second = most / WINDOW.as_secs_f64();
        let mut buckets = self.buckets.lock();
        if now.saturating_duration_since(buckets.swept) > WINDOW {
            buckets.swept = now;
            buckets.by_member.retain(|_, it| now.saturating_duration_since(it.at) < WINDOW);
        }
        let bucket = buckets.by_member.entry(member).or_insert(Bucket { left: most, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        *bucket = Bucket { left: (bucket.left + passed * per_second).min(most), at: now };
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.left) / per_second);
        Err(Error::TooManyRequests {
            message: format!("you have sent more than {} requests within a minute", self.per_minute),
            retry_after: wait,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_sends_so_many_at_once_and_then_as_many_a_minute() {
        let (requests, now) = (Requests::new(60), Instant::now());
        let sent = |now: Instant, count: usize| {
            (0..count).filter(|_| requests.count(UserId(1), now).is_ok()).count()
        };
        assert_eq!(sent(now, 100), 60);
        assert_eq!(sent(now + Duration::from_secs(10), 100), 10);
        assert!(requests.count(UserId(2), now).is_ok(), "others have their own");
        assert_eq!(sent(now + Duration::from_hours(1), 100), 60, "no more than a minute's are saved");
    }

    #[test]
    fn the_answer_says_when_to_come_back() {
        let (requests, now) = (Requests::new(1), Instant::now());
        requests.count(UserId(1), now).expect("the first");
        let Err(Error::TooManyRequests { retry_after, .. }) = requests.count(UserId(1), now) else {
            panic!("the second is refused")
        };
        assert_eq!(retry_after, WINDOW);
        assert!(requests.count(UserId(1), now + retry_after).is_ok());
    }

    #[test]
    fn members_who_were_quiet_for_a_minute_are_forgotten() {
        let (requests, now) = (Requests::new(10), Instant::now());
        for member in 0..1000 {
            requests.count(UserId(member), now).expect("the first");
        }
        requests.count(UserId(1), now + WINDOW * 2).expect("the second");
        assert_eq!(requests.buckets.lock().by_member.len(), 1);
    }
}
