//! Who is asking: extractors for members and their rights.
