//! `[[status_mappings]]`

use super::{ProviderKeys, items};
use crate::node::Node;
use crate::reader::{Notes, Reader};

const STATUSES: [&str; 6] = ["queued", "in_progress", "succeeded", "failed", "canceled", "unknown"];

/// How a native status is read that the adapter has no mapping for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingSettings {
    /// The kind of platform.
    pub provider: String,
    /// Its word, as `/providers` lists it among the unmapped ones.
    pub provider_status: String,
    /// What it becomes: one of the public statuses.
    pub status: String,
    /// The phase that goes with it.
    pub phase: Option<String>,
    /// The reason that goes with a failure.
    pub failure_reason: Option<String>,
}

pub(super) fn read(
    mappings: Option<Node>,
    mut notes: Notes<'_>,
    providers: &[ProviderKeys],
) -> Option<Vec<MappingSettings>> {
    let items = items("status_mappings", mappings, &mut notes)?;
    let mut read: Vec<MappingSettings> = Vec::new();
    for (name, place, table) in items {
        let Some(table) = table else { continue };
        let reader = Reader::new(name.clone(), place.clone(), table, notes.lend());
        let Some(mapping) = mapping(reader, providers) else {
            continue;
        };
        let is_same = |other: &MappingSettings| {
            other.provider == mapping.provider && other.provider_status.eq_ignore_ascii_case(&mapping.provider_status)
        };
        if read.iter().any(is_same) {
            let message = format!("`{}` is mapped twice for {}", mapping.provider_status, mapping.provider);
            notes.faults.push(place, name, message);
            continue;
        }
        read.push(mapping);
    }
    Some(read)
}

fn mapping(mut section: Reader<'_>, providers: &[ProviderKeys]) -> Option<MappingSettings> {
    let names: Vec<_> = providers
        .iter()
        .map(|provider| (provider.name, provider.name))
        .collect();
    let provider = section.choice("provider", &names);
    let provider = section.required("provider", provider);
    let provider_status = section.string("provider_status").map(|taken| taken.value);
    let provider_status = section.required("provider_status", provider_status);
    let status = section.choice("status", &STATUSES.map(|status| (status, status)));
    let status = section.required("status", status);
    let phase = section.string("phase").map(|taken| taken.value);
    let failure_reason = section.string("failure_reason").map(|taken| taken.value);
    section.finish();
    Some(MappingSettings {
        provider: provider?.to_owned(),
        provider_status: provider_status?,
        status: status?.to_owned(),
        phase,
        failure_reason,
    })
}
