//! Where a page of a keyset list begins.

use time::OffsetDateTime;
use uuid::Uuid;

/// The last row of the page before, in a list of deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AfterDeployment {
    /// The instant that the list is sorted by.
    pub at: OffsetDateTime,
    /// Its id.
    pub id: Uuid,
}

/// The last row of the page before, in a list of applications by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AfterApplication {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
}
