//! What the running product stands: a database that goes away, killed programs, clocks that jump, crowds, garbage.
//!
//! Each test has a short form, and a long one for `make soak` with more cycles, where times are held against goals as
//! well. Correctness is asserted in both.

mod accounts;
mod clock;
mod crowd;
mod database;
mod disk;
mod faulty_proxy;
mod figures;
mod garbage;
mod installation;
mod kills;
mod load;
mod stop;
