//! `[server]`

use std::net::SocketAddr;

use crate::reader::Reader;

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many event streams one token may hold open on one replica.
    pub streams_per_token: usize,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<ServerSettings> {
    let listen = section.address("listen");
    let listen = section.required("listen", listen);
    let streams = section.integer("streams_per_token", 1..=100_000);
    let streams = section.required("streams_per_token", streams);
    section.finish();
    Some(ServerSettings {
        listen: listen?,
        streams_per_token: usize::try_from(streams?).ok()?,
    })
}
