//! Where Scalingo fetches the source of an application, when the account's configuration says so for all of them.

use std::fmt;

use slipway_provider_http::{ConfigError, Url, without_url_secrets};

const APPLICATION: &str = "{application}";
const GIT_REF: &str = "{git_ref}";

/// A URL with `{application}` and `{git_ref}` in its path or query.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrlTemplate(String);

impl SourceUrlTemplate {
    /// Checks a template: an http or https URL, with no other placeholder and none in the place of the host.
    pub fn parse(template: &str) -> Result<Self, ConfigError> {
        let refuse = |why: &str| Err(ConfigError(format!("source_url_template {why}")));
        let parsed = Self(template.trim().to_owned());
        if parsed.filled("", "").contains(['{', '}']) {
            return refuse("knows no placeholders but {application} and {git_ref}");
        }
        let (Ok(one), Ok(other)) = (
            Url::parse(&parsed.filled("a", "a")),
            Url::parse(&parsed.filled("b", "b")),
        ) else {
            return refuse("is not a URL");
        };
        if !matches!(one.scheme(), "http" | "https") || parsed.0.contains(char::is_whitespace) {
            return refuse("must be an http or https URL");
        }
        if one.scheme() != other.scheme() || one.authority() != other.authority() {
            return refuse("must name its host: {application} and {git_ref} belong into the path or the query");
        }
        Ok(parsed)
    }

    /// Whether it cannot be filled in without a revision.
    pub(crate) fn needs_git_ref(&self) -> bool {
        self.0.contains(GIT_REF)
    }

    /// The URL for one revision of one application; nothing when a revision is needed and not given.
    pub(crate) fn url(&self, application: &str, git_ref: Option<&str>) -> Option<String> {
        if git_ref.is_none() && self.needs_git_ref() {
            return None;
        }
        let encoded = |text: &str| text.bytes().fold(String::new(), push_encoded);
        Some(self.filled(&encoded(application), &encoded(git_ref.unwrap_or_default())))
    }

    fn filled(&self, application: &str, git_ref: &str) -> String {
        self.0.replace(APPLICATION, application).replace(GIT_REF, git_ref)
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn push_encoded(mut text: String, byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        text.push(char::from(byte));
    } else {
        text.push_str(&format!("%{byte:02X}"));
    }
    text
}

impl fmt::Debug for SourceUrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceUrlTemplate")
            .field(&without_url_secrets(&self.0))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_cannot_leave_their_place() {
        let template =
            SourceUrlTemplate::parse("https://git.example.com/{application}/archive/{git_ref}.tar.gz").unwrap();
        let url = |git_ref| template.url("shop-api", git_ref);
        assert_eq!(
            url(Some("feature/ü?x=1#../..")).as_deref(),
            Some("https://git.example.com/shop-api/archive/feature%2F%C3%BC%3Fx%3D1%23..%2F...tar.gz")
        );
        assert_eq!(url(None), None);
        let fixed = SourceUrlTemplate::parse("https://git.example.com/{application}.tar.gz").unwrap();
        assert_eq!(
            fixed.url("a", None).as_deref(),
            Some("https://git.example.com/a.tar.gz")
        );
        // A value that looks like a placeholder stays a value.
        assert_eq!(
            template.url("{git_ref}", Some("x")).as_deref(),
            Some("https://git.example.com/%7Bgit_ref%7D/archive/x.tar.gz")
        );
    }

    #[test]
    fn templates_that_cannot_work_are_refused() {
        for bad in [
            "",
            "git.example.com/{git_ref}",
            "ftp://git.example.com/{git_ref}",
            "https://{application}.example.com/x",
            "https://{git_ref}@git.example.com/x",
            "https://git.example.com/{sha}",
            "https://git.example.com/{git_ref",
            "https://git.example.com/ {git_ref}",
            "{git_ref}://git.example.com/",
        ] {
            assert!(SourceUrlTemplate::parse(bad).is_err(), "{bad}");
        }
        let secret = SourceUrlTemplate::parse("https://bot:s3cret@git.example.com/{git_ref}?token=s3cret").unwrap();
        assert!(!format!("{secret:?}").contains("s3cret"));
    }
}
