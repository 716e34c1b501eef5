#![doc = include_str!("../README.md")]

pub mod application;
pub mod budget;
pub mod clock;
pub mod deployment;
pub mod event;
pub mod freshness;
pub mod id;
pub mod log;
pub mod observation;
pub mod page;
pub mod provider;
pub mod state;
pub mod trace;
pub mod transition;

pub use application::{Application, Labels};
pub use clock::{Clock, ManualClock, SystemClock};
pub use deployment::{Deployment, DeploymentDetails};
pub use event::EventType;
pub use freshness::{FreshnessMode, FreshnessState};
pub use id::{AccountName, ApplicationId, DeploymentId, ProviderName};
pub use log::LogState;
pub use observation::{ApplicationObservation, DeploymentObservation, Via};
pub use state::{Authority, Phase, State, Status};
pub use trace::{TraceContext, TraceFinder};
pub use transition::{Outcome, Tracked, transition};
