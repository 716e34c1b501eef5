//! `[traces]`

use url::Url;

use crate::reader::Reader;

/// What becomes of traces.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The collector that spans are sent to; none: they are not kept.
    pub endpoint: Option<Url>,
}

pub(super) fn read(mut section: Reader<'_>) -> TraceSettings {
    let endpoint = section.collector_url("endpoint");
    section.finish();
    TraceSettings { endpoint }
}
