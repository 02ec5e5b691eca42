//! Our own tracker and site, started by the launcher, and what is asked of them over HTTP.
