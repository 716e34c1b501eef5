//! `[metrics]`

use std::net::SocketAddr;

use crate::reader::Reader;

/// How metrics and health are served to whoever operates the process.
#[derive(Debug, Clone)]
pub struct MetricsSettings {
    /// Where they are served without a token, beside the API; none: only there, for the scope `admin`.
    pub listen: Option<SocketAddr>,
}

pub(super) fn read(mut section: Reader<'_>) -> MetricsSettings {
    let listen = section.address("listen");
    section.finish();
    MetricsSettings { listen }
}
