//! `[retention]`

use std::time::Duration;

use crate::reader::Reader;

const DAY: Duration = Duration::from_secs(86_400);
/// A position that is read again within a day, and a deployment that a caller may still ask to be deployed again, stay.
const LEAST: Duration = DAY.saturating_mul(2);

/// How long things are kept; none for ever.
#[derive(Debug, Clone)]
pub struct RetentionSettings {
    /// Deployments that have ended.
    pub history: Option<Duration>,
    /// The last whole answers of providers.
    pub payloads: Option<Duration>,
    /// Events.
    pub events: Option<Duration>,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<RetentionSettings> {
    let mut time = |key: &str| {
        let time = section.duration(key, Duration::ZERO..=DAY * 36_500);
        let time = section.required(key, time)?;
        if time > Duration::ZERO && time < LEAST {
            let place = section.place().to_owned();
            section.fault(&place, key, "must be 0d, for ever, or two days (2d) or more");
        }
        Some((time > Duration::ZERO).then_some(time))
    };
    let (history, payloads, events) = (time("history"), time("payloads"), time("events"));
    section.finish();
    Some(RetentionSettings {
        history: history?,
        payloads: payloads?,
        events: events?,
    })
}
