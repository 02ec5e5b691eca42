//! UDP for many clients: sockets that share an address, and mailboxes that read or send a batch of datagrams with one
//! system call.

mod mailbox;
mod socket;

pub use mailbox::{BATCH, LONGEST, Mailbox};
pub use socket::bind_all;
