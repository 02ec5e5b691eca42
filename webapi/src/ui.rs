//! The pages: the same nouns and rules as the API, answered in HTML.
