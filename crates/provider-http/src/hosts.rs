//! Which hosts may be talked to.

use url::{Host, Url};

/// Whether a URL points to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        // The parser leaves hosts of schemes that it does not know opaque; ours are all known.
        None => false,
    }
}

/// Checks a URL from a payload: a host that is configured, encrypted, on the port that goes with it. When the base URL is
/// this machine (simulators), any URL of this machine will do.
pub(crate) fn pin(base: &Url, additional_hosts: &[String], text: &str) -> Result<Url, &'static str> {
    // Parsers disagree on what such characters mean.
    if text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Err("it is not a URL");
    }
    let url = Url::parse(text).map_err(|_| "it is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it carries a user or a password");
    }
    let is_encrypted = match url.scheme() {
        "https" | "wss" => true,
        "http" | "ws" => false,
        _ => return Err("its scheme is none of ours"),
    };
    if is_loopback(base) {
        return if is_loopback(&url) {
            Ok(url)
        } else {
            Err("its host is not one of the configured hosts")
        };
    }
    if !is_encrypted {
        return Err("it is not encrypted");
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default();
    let is_base = base.host_str() == Some(host) && (port == base.port_or_known_default() || port == Some(443));
    let is_additional = port == Some(443)
        && additional_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host));
    if is_base || is_additional {
        Ok(url)
    } else {
        Err("its host is not one of the configured hosts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configured_hosts_pass() {
        let base = Url::parse("https://api.example.com/v1").unwrap();
        let more = ["stream.example.com".to_owned()];
        for good in [
            "https://api.example.com/x",
            "wss://stream.example.com/apps/a",
            "wss://STREAM.example.com:443/a",
        ] {
            assert!(pin(&base, &more, good).is_ok(), "{good}");
        }
        for bad in [
            "https://api.example.com.evil.test/x",
            "https://api.example.com@evil.test/x",
            "https://user:pw@api.example.com/x",
            "http://api.example.com/x",
            "ws://stream.example.com/a",
            "wss://stream.example.com:8443/a",
            "https://evil.test/api.example.com",
            "https://127.0.0.1/x",
            "wss://localhost/x",
            "file:///etc/passwd",
            "//api.example.com/x",
            "\\\\evil.test\\x",
            "https://api.example.com\\@evil.test:1/",
            "not a url",
            "",
        ] {
            assert!(pin(&base, &more, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_loopback_base_stays_on_this_machine() {
        let base = Url::parse("http://127.0.0.1:9000/v1").unwrap();
        assert!(pin(&base, &[], "ws://127.0.0.1:9001/apps/a").is_ok());
        assert!(pin(&base, &[], "ws://[::1]:9001/apps/a").is_ok());
        assert!(pin(&base, &["stream.example.com".to_owned()], "wss://stream.example.com/a").is_err());
    }
}
