//! SQL beside its row mapping; each function takes any connection or transaction.
