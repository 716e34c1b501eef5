//! Where a request comes from, and whether a page of another site sent it.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderMap, HeaderName, Method, header};
use url::Url;

use crate::problem::{Code, Problem};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A network, as an address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// An address in it.
    pub address: IpAddr,
    /// How many bits all its addresses share.
    pub prefix: u8,
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let same = |one: u128, other: u128, bits: u8| {
            let shift = u32::from(bits) - u32::from(self.prefix.min(bits));
            one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
        };
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// Where a request comes from: the other end of the connection, or, where that is a trusted proxy, what it says.
pub(crate) fn address(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let peer = extensions.get::<Peer>()?.0.ip();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(*address));
    if !is_trusted(&peer) {
        return Some(peer);
    }
    // Each proxy adds what it saw at the end: from there on, the first that is none of ours.
    let hops: Vec<IpAddr> = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|hop| hop.trim().parse().ok())
        .collect();
    let client = hops.iter().rev().find(|hop| !is_trusted(hop)).or(hops.first());
    Some(client.copied().unwrap_or(peer))
}

/// Refuses a request that changes something and that a page of another site may have sent, where the browser adds
/// the right to do so by itself.
///
/// # Errors
/// [`Code::CrossSiteRequest`].
pub(crate) fn refuse_cross_site(method: &Method, headers: &HeaderMap, public_url: Option<&Url>) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (text(SEC_FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_own_origin(origin, headers, public_url),
        (None, None) => false,
    };
    if is_ours {
        return Ok(());
    }
    Err(Problem::new(Code::CrossSiteRequest)
        .with_detail("a change with a session must come from a page of the gateway's own origin"))
}

/// Whether a browser tells where a request comes from; other programs do not.
pub(crate) fn tells_origin(headers: &HeaderMap) -> bool {
    headers.contains_key(SEC_FETCH_SITE) || headers.contains_key(header::ORIGIN)
}

fn is_own_origin(origin: &str, headers: &HeaderMap, public_url: Option<&Url>) -> bool {
    if let Some(url) = public_url {
        return url.origin().ascii_serialization() == origin;
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    host.is_some() && authority == host
}

/// Whether the name by which a client calls us is one of this machine.
pub(crate) fn is_loopback_host(headers: &HeaderMap, uri: &http::Uri) -> bool {
    let host = uri.host().or_else(|| {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        Some(match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        })
    });
    host.is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

/// Whether a proxy has handed the request on.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name == header::FORWARDED || name == header::VIA || name.as_str().starts_with("x-forwarded"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::*;

    fn request(peer: &str, forwarded: &[&str]) -> Request {
        let mut builder = http::Request::post("/x");
        for value in forwarded {
            builder = builder.header(X_FORWARDED_FOR, *value);
        }
        let mut request = builder.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        request
    }

    fn of(request: &Request, trusted: &[Network]) -> String {
        address(request.extensions(), request.headers(), trusted)
            .unwrap()
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_for_the_hop_it_saw() {
        let trusted = [Network {
            address: "10.0.0.0".parse().unwrap(),
            prefix: 8,
        }];
        let client = |peer, forwarded: &[&str]| of(&request(peer, forwarded), &trusted);
        assert_eq!(client("192.0.2.1:5", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("10.1.2.3:5", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("[::ffff:10.1.2.3]:5", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            client("10.1.2.3:5", &["1.1.1.1, 203.0.113.9", "10.9.9.9"]),
            "203.0.113.9"
        );
        assert_eq!(client("10.1.2.3:5", &[]), "10.1.2.3");
        assert_eq!(client("10.1.2.3:5", &["garbage"]), "10.1.2.3");
        assert_eq!(of(&request("192.0.2.1:5", &["1.1.1.1"]), &[]), "192.0.2.1");
    }

    #[test]
    fn hosts_of_this_machine_are_told_from_all_others() {
        for (host, is_ours) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:1", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("evil.test", false),
            ("127.0.0.1.evil.test", false),
            ("localhost.evil.test:80", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(is_loopback_host(&headers, &"/".parse().unwrap()), is_ours, "{host}");
        }
        assert!(!is_loopback_host(&HeaderMap::new(), &"/".parse().unwrap()));
    }

    #[test]
    fn a_change_must_come_from_our_own_origin() {
        let refused = |headers: &[(&str, &str)], public_url: Option<&str>| {
            let mut builder = http::Request::post("/x").header(header::HOST, "slipway.example.com");
            for (name, value) in headers {
                builder = builder.header(*name, *value);
            }
            let url = public_url.map(|url| Url::parse(url).unwrap());
            let request = builder.body(Body::empty()).unwrap();
            refuse_cross_site(request.method(), request.headers(), url.as_ref()).is_err()
        };
        assert!(refused(&[], None));
        assert!(!refused(&[("sec-fetch-site", "same-origin")], None));
        for site in ["cross-site", "same-site", "none"] {
            assert!(refused(
                &[("sec-fetch-site", site), ("origin", "https://slipway.example.com")],
                None
            ));
        }
        assert!(!refused(&[("origin", "https://slipway.example.com")], None));
        assert!(refused(&[("origin", "https://evil.test")], None));
        assert!(refused(&[("origin", "null")], None));
        assert!(refused(
            &[("origin", "http://slipway.example.com")],
            Some("https://slipway.example.com/")
        ));
    }
}
