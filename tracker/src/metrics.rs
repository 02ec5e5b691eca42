//! What the tracker tells Prometheus.

pub(crate) mod counters;
