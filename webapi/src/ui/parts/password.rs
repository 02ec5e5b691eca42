//! The two fields of a form for a new password.

use infra::secrets::Secret;

use crate::error::Error;

/// The new password, which the member typed twice.
///
/// # Errors
/// [`Error::Invalid`] where the two differ.
pub fn typed_twice(new: Secret, again: &Secret) -> Result<Secret, Error> {
    if new == *again {
        Ok(new)
    } else {
        Err(Error::field("new_password_again", "the two new passwords differ"))
    }
}
