//! Pages of a provider's list.

/// Where a provider's next page begins. Opaque to everybody but the adapter that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub String);

/// One page of a provider's list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// In the provider's order: newest first for deployments.
    pub items: Vec<T>,
    /// Where to go on, or nothing at the end.
    pub next: Option<PageToken>,
}
