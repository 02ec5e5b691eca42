//! Rendered descriptions: a few at a time are rendered on blocking threads, and a cache in memory keeps the HTML.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::domain::catalogue::markdown;
use crate::error::Error;

/// Descriptions rendered at the same time; each takes a core.
const AT_ONCE: usize = 2;

/// Bytes of HTML in the cache, with [`OVERHEAD`].
const CACHE_BYTES: u64 = 16 << 20;

/// Bytes that a cached description takes beside its HTML.
const OVERHEAD: u64 = 128;

/// Number of descriptions that the cache has room for at first; it grows.
const EXPECTED: usize = 1024;

/// Renders descriptions. Requests for one that is being rendered wait for it.
#[derive(Debug)]
pub struct Descriptions {
    /// HTML by the hash of its Markdown.
    rendered: Cache<[u8; 32], Arc<str>, Bytes>,
    slots: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<[u8; 32], Arc<str>> for Bytes {
    fn weight(&self, _: &[u8; 32], html: &Arc<str>) -> u64 {
        OVERHEAD + html.len() as u64
    }
}

impl Default for Descriptions {
    fn default() -> Self {
        Self {
            rendered: Cache::with_weighter(EXPECTED, CACHE_BYTES, Bytes),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Descriptions {
    /// HTML of `text`, as [`markdown::render`] makes it.
    pub async fn render(&self, text: String) -> Result<Arc<str>, Error> {
        if text.is_empty() {
            return Ok(Arc::default());
        }
        let key = *blake3::hash(text.as_bytes()).as_bytes();
        self.rendered.get_or_insert_async(&key, self.make(text)).await
    }

    async fn make(&self, text: String) -> Result<Arc<str>, Error> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(anyhow::Error::from)?;
        let rendered = tokio::task::spawn_blocking(move || {
            // Moved into the blocking task: it goes on even if the request that waits for it is dropped.
            let _slot = slot;
            markdown::render(&text)
        });
        Ok(rendered.await.map_err(anyhow::Error::from)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_description_is_rendered_once_and_shared() {
        let descriptions = Descriptions::default();
        let first = descriptions.render("*a*".to_owned()).await.expect("HTML");
        let second = descriptions.render("*a*".to_owned()).await.expect("HTML");
        assert_eq!(&*first, "<p><em>a</em></p>\n");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[tokio::test]
    async fn the_cache_forgets_descriptions_beyond_its_bytes() {
        let descriptions = Descriptions::default();
        for n in 0..400 {
            let text = format!("{n}{}", "x".repeat(100_000));
            descriptions.render(text).await.expect("HTML");
        }
        assert!(descriptions.rendered.weight() <= CACHE_BYTES);
        assert!(descriptions.rendered.weight() > CACHE_BYTES / 2, "it keeps what fits");
    }
}
