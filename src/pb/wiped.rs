//! Messages that carry a password overwrite it when they are let go.
//!
//! So do all of their copies, such as the one that a call encodes. The encoded bytes are not overwritten: they lie in buffers
//! of HTTP/2, TLS and the system. Of such a message no field can be moved out.

use std::{hint::black_box, mem::take};

use super::{ChangePasswordRequest, LoginRequest, RegisterRequest};

impl Drop for RegisterRequest {
    fn drop(&mut self) {
        wipe(&mut self.password);
    }
}

impl Drop for LoginRequest {
    fn drop(&mut self) {
        wipe(&mut self.password);
    }
}

impl Drop for ChangePasswordRequest {
    fn drop(&mut self) {
        wipe(&mut self.current_password);
        wipe(&mut self.new_password);
    }
}

/// Overwrites a text and leaves none.
fn wipe(text: &mut String) {
    let mut bytes = take(text).into_bytes();
    bytes.fill(0);
    // Or the compiler would see that nobody reads what was written.
    black_box(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        drop_bounds,
        reason = "it is asked whether they do something themselves, not whether a field does"
    )]
    fn is_wiped<T: Drop>(_: &T) {}

    #[test]
    fn what_carries_a_password_is_wiped() {
        is_wiped(&RegisterRequest::default());
        is_wiped(&LoginRequest::default());
        is_wiped(&ChangePasswordRequest::default());
        let mut text = "correct horse".to_owned();
        wipe(&mut text);
        assert_eq!(text.capacity(), 0);
    }
}
