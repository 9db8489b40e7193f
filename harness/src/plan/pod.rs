//! The roles of pods in a story. The plan says which pod plays which role.

/// A role: "the first pod", "the second". Which pod that is comes from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod(usize);

impl Pod {
    /// The first role.
    pub fn first() -> Self {
        Self(0)
    }

    /// The second role.
    pub fn second() -> Self {
        Self(1)
    }

    /// The role with index `n`, from 0.
    pub fn nth(n: usize) -> Self {
        Self(n)
    }

    /// Index of the role, from 0.
    pub fn index(self) -> usize {
        self.0
    }
}
