//! The REST API below `/api`: extract, rule, store, answer in JSON.
