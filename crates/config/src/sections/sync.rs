//! `[sync]`

use std::time::Duration;

use crate::reader::Reader;

/// How often providers are asked.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Between two looks at an account's list of applications, which also shows what moved.
    pub applications_every: Duration,
    /// Between two looks at an application where something is running.
    pub active_every: Duration,
    /// Between two looks at an application where nothing happens.
    pub idle_every: Duration,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<SyncSettings> {
    let mut every = |key: &str, shortest: Duration| {
        let value = section.duration(key, shortest..=Duration::from_secs(86_400));
        section.required(key, value)
    };
    let applications_every = every("applications_every", Duration::from_millis(100));
    let active_every = every("active_every", Duration::from_millis(100));
    let idle_every = every("idle_every", Duration::from_millis(100));
    section.finish();
    Some(SyncSettings {
        applications_every: applications_every?,
        active_every: active_every?,
        idle_every: idle_every?,
    })
}
