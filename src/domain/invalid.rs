//! A request that breaks rules by itself, whatever the state of the store.

/// One broken field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request.
    pub field: &'static str,
    /// What is wrong and the mend.
    pub description: String,
}

/// Why a request cannot be served as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .violation.description)]
pub struct Invalid {
    /// For programs.
    pub reason: &'static str,
    /// What is broken.
    pub violation: Violation,
}

impl Invalid {
    /// Names the broken field, the reason for programs and the sentence for people.
    pub fn new(reason: &'static str, field: &'static str, description: impl ToString) -> Self {
        Self {
            reason,
            violation: Violation {
                field,
                description: description.to_string(),
            },
        }
    }
}
