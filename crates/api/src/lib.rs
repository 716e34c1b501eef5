#![doc = include_str!("../README.md")]

mod account;
mod action;
mod annotation;
mod application;
mod audit;
mod board;
mod cursor;
mod deployment;
mod event;
mod freshness;
mod insight;
mod log;
mod problem;
mod provider;
mod timeline;
mod token;
mod write;

pub use account::{AccountList, AccountView, CircuitView, RateBudgetView, WriteFaultView};
pub use action::BlockedActionView;
pub use annotation::AnnotationView;
pub use application::{ApplicationCapabilitiesView, ApplicationList, ApplicationView, Support};
pub use audit::{AuditEntryList, AuditEntryView};
pub use board::{BoardItemList, BoardItemView};
pub use cursor::{Cursor, InvalidCursor};
pub use deployment::{ActorView, ArtifactView, DeploymentList, DeploymentView, GitView, LogsView, Status, TriggerView};
pub use event::{EventList, EventView};
pub use freshness::{
    AccountFreshnessView, BackfillView, FreshnessMode, FreshnessState, FreshnessView, ListFreshnessView,
};
pub use insight::{
    ApplicationInsightView, DeploymentInsightsView, DurationInsightView, EnvironmentInsightView,
    ExplainedDeploymentView, FrequencyInsightView, InsightExplanationView, InsightPeriodView, InsightView,
    IntervalInsightView, LeftOutView, RateInsightView,
};
pub use log::{InvalidLogCursor, LogCursor, LogEventView};
pub use problem::{FieldErrorView, ProblemView};
pub use provider::{ProviderCapabilitiesView, ProviderList, ProviderView, StatusMappingView, UnmappedStatusView};
pub use timeline::{TimelineEntryView, TimelineList};
pub use token::{
    CreatedTokenView, NewRestrictionsView, NewSessionView, NewTokenView, RestrictionsView, SessionCodeView,
    SessionView, StreamTicketView, TokenList, TokenView, WhoamiView,
};
pub use write::{FreezeList, FreezeView, NewDeploymentView, NewPreviewView, NoDetailsView, PreviewView};
