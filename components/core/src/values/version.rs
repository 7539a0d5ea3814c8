//! Versions: each change of a thing counts one more, and a request may say of which it wants to know or to do something.

use crate::error::{Error, Result};

/// Versions that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Every one.
    Any,
    /// These.
    These(Vec<i64>),
}

impl Versions {
    fn contain(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::These(versions) => versions.contains(&version),
        }
    }
}

/// What a request demands of the version that there is (RFC 9110, section 13.1). The default demands nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// It is one of these.
    pub only: Option<Versions>,
    /// It is none of these.
    pub none_of: Option<Versions>,
}

impl Precondition {
    /// Whether the request excludes the version: whoever sends it has it already.
    pub fn excludes(&self, version: i64) -> bool {
        self.none_of.as_ref().is_some_and(|versions| versions.contain(version))
    }

    /// Refuses a version that is none of those wanted.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`].
    pub fn require_only(&self, version: i64) -> Result<()> {
        let wanted = self.only.as_ref().is_none_or(|versions| versions.contain(version));
        if wanted { Ok(()) } else { Err(Error::PreconditionFailed) }
    }

    /// Refuses a version that is none of those wanted, or is excluded.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`].
    pub fn require(&self, version: i64) -> Result<()> {
        if self.excludes(version) { Err(Error::PreconditionFailed) } else { self.require_only(version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_demands_have_to_hold() {
        let these = |versions: &[i64]| Some(Versions::These(versions.to_vec()));
        for (only, none_of, allowed) in [
            (None, None, true),
            (Some(Versions::Any), None, true),
            (these(&[3, 4]), None, true),
            (these(&[]), None, false),
            (these(&[4]), None, false),
            (None, Some(Versions::Any), false),
            (None, these(&[4]), true),
            (these(&[3]), these(&[3]), false),
        ] {
            let precondition = Precondition { only, none_of };
            assert_eq!(precondition.require(3).is_ok(), allowed, "{precondition:?}");
        }
    }
}
