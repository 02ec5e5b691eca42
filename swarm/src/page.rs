//! The page `/swarm`, and everything else of the site behind it.
