//! `[server]`

use std::net::{IpAddr, SocketAddr};

use url::Url;

use crate::reader::{Reader, server_url};

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many event streams one token may hold open on one replica.
    pub streams_per_token: usize,
    /// How clients reach it, where that is not `listen`.
    pub public_url: Option<Url>,
    /// Whose `X-Forwarded-For` is believed: networks, as an address and the length of its prefix.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Pages of these origins may call the API.
    pub cors_origins: Vec<url::Origin>,
    /// How many requests one principal may make in a minute on one replica; 0 for any number.
    pub requests_per_minute: u32,
    /// How many unknown tokens one address may send in a minute to one replica; 0 for any number.
    pub failed_logins_per_minute: u32,
    /// How much memory kept answers may take, in bytes; 0 keeps none.
    pub answer_cache_bytes: u64,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<ServerSettings> {
    let listen = section.address("listen");
    let listen = section.required("listen", listen);
    let streams = section.integer("streams_per_token", 1..=100_000);
    let streams = section.required("streams_per_token", streams);
    let public_url = section.server_url("public_url");
    let trusted_proxies = section.list("trusted_proxies", "networks such as 10.0.0.0/8", network);
    let cors_origins = section.list(
        "cors_origins",
        "exact origins such as https://board.example.com, without a path",
        origin,
    );
    let requests = section.integer("requests_per_minute", 0..=100_000_000);
    let requests = section.required("requests_per_minute", requests);
    let failed_logins = section.integer("failed_logins_per_minute", 0..=1_000_000);
    let failed_logins = section.required("failed_logins_per_minute", failed_logins);
    let answer_cache = section.integer("answer_cache_mib", 0..=1024 * 1024);
    let answer_cache = section.required("answer_cache_mib", answer_cache);
    section.finish();
    Some(ServerSettings {
        listen: listen?,
        streams_per_token: usize::try_from(streams?).ok()?,
        public_url,
        trusted_proxies,
        cors_origins,
        requests_per_minute: u32::try_from(requests?).ok()?,
        failed_logins_per_minute: u32::try_from(failed_logins?).ok()?,
        answer_cache_bytes: u64::try_from(answer_cache?).ok()?.checked_mul(1024 * 1024)?,
    })
}

/// An origin as browsers send it: written in any other way it would never match. Never `*`: who may read is told by name.
fn origin(text: &str) -> Option<url::Origin> {
    let origin = server_url(text)?.origin();
    (origin.ascii_serialization() == text && !text.contains('*')).then_some(origin)
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = text
        .split_once('/')
        .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
    (prefix <= longest).then_some((address, prefix))
}
