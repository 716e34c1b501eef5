//! The board: what runs where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::application::ApplicationView;
use crate::deployment::DeploymentView;
use crate::freshness::ListFreshnessView;

/// One application with what runs of it and what happened to it last. Its environment tells the column of a board, its name
/// or a label the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BoardItem)]
pub struct BoardItemView {
    /// The application, with its environment and its freshness.
    pub application: ApplicationView,
    /// What runs now; null where nothing does, or nobody can tell.
    #[schema(required = true)]
    pub live_deployment: Option<DeploymentView>,
    /// The newest deployment, which may be the live one.
    #[schema(required = true)]
    pub last_deployment: Option<DeploymentView>,
}

/// A page of the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoardItemList {
    /// By the name of the application.
    pub items: Vec<BoardItemView>,
    /// Where the next page begins; null at the end, which is the only sign of it.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this list shows: go on from here with the stream and nothing is missed.
    pub event_cursor: String,
    /// How far this list can be trusted.
    pub freshness: ListFreshnessView,
}
