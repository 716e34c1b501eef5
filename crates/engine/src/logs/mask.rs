//! Takes secrets out of text before it is stored or sent: known shapes of tokens, and patterns of the configuration.

use std::borrow::Cow;
use std::ops::Range;

use regex::{Regex, RegexSet};
use serde_json::Value;
use slipway_core::DeploymentObservation;

/// What stands in the place of a secret.
pub const MASK: &str = "[masked]";

/// The group of a pattern that alone is masked; without it the whole match is.
const SECRET: &str = "secret";

/// Shapes that are secrets wherever they stand. What is around them stays, so that the line can still be understood.
const SHAPES: &[&str] = &[
    // Tokens of Scalingo, see https://developers.scalingo.com/index#authentication
    r"tk-[a-z]{2}-[A-Za-z0-9_-]+",
    // Tokens and tickets of this gateway.
    r"sl[pt]_[A-Za-z0-9_-]{8,}",
    // JSON Web Tokens.
    r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?",
    // Headers that carry credentials.
    r#"(?i)authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|digest|token)\s+)?(?<secret>[^\s"',;]+)"#,
    r#"(?i)(?:x-api-key|x-auth-token|private-token|set-cookie|cookie)["']?\s*[:=]\s*["']?(?<secret>[^\s"']+)"#,
    r"(?i)bearer\s+(?<secret>[A-Za-z0-9._~+/=-]{16,})",
    // User names and passwords of URLs. A password may hold what should have been encoded; a port is none.
    r#"://(?<secret>[^\s/?#"'<>]+)@"#,
    r#"://(?<secret>[^\s:/?#"'<>@]+:[^\s/"'<>@]*[^\s0-9/"'<>@][^\s"'<>@]*)@"#,
    // Values with a telling name: in a query, in the environment, in JSON, on a command line.
    r#"(?i)(?:token|secret|password|passwd|passphrase|api_?-?key|access_?-?key|private_?-?key|signature|credentials?)[a-z0-9_.-]*=["']?(?<secret>[^\s"'&;]+)"#,
    r#"(?i)[?&;](?:sig|key|pwd|auth)=(?<secret>[^\s"'&;#]+)"#,
    r#"(?i)["'][a-z0-9_.-]*(?:token|secret|password|passwd|passphrase|api_?-?key|access_?-?key|private_?-?key|credentials?)[a-z0-9_.-]*["']\s*(?::|=>)\s*["'](?<secret>[^"']+)["']"#,
    r#"(?i)--[a-z0-9-]*(?:token|secret|password|api-?key)\s+(?<secret>[^\s-][^\s]*)"#,
    // Tokens of others that deployments often use.
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    r"glpat-[A-Za-z0-9_-]{16,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?<secret>.+?)(?:-----END|$)",
];

/// What is masked.
#[derive(Debug, Clone)]
pub struct Masks {
    /// One look at a text tells whether any of them is in it.
    any: RegexSet,
    all: Vec<Regex>,
}

impl Default for Masks {
    fn default() -> Self {
        Self::new(&[]).unwrap_or_else(|_| unreachable!("the shapes of this file are tested"))
    }
}

impl Masks {
    /// The known shapes, and these patterns beside them.
    ///
    /// # Errors
    /// When a pattern is no regular expression.
    pub fn new(patterns: &[String]) -> Result<Self, regex::Error> {
        let texts = || SHAPES.iter().copied().chain(patterns.iter().map(String::as_str));
        Ok(Self {
            any: RegexSet::new(texts())?,
            all: texts().map(Regex::new).collect::<Result<_, _>>()?,
        })
    }

    /// A text with [`MASK`] in the place of each secret.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.find(text);
        if secrets.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for secret in secrets {
            masked.push_str(&text[end..secret.start]);
            masked.push_str(MASK);
            end = secret.end;
        }
        masked.push_str(&text[end..]);
        Cow::Owned(masked)
    }

    /// Where the secrets of a text are, in order and apart from each other.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for index in self.any.matches(text) {
            let matches = self.all[index].captures_iter(text);
            found.extend(matches.filter_map(|captures| Some(captures.name(SECRET).or(captures.get(0))?.range())));
        }
        found.retain(|range| !range.is_empty());
        found.sort_by_key(|range| (range.start, range.end));
        found.dedup_by(|next, before| {
            let overlaps = next.start <= before.end;
            if overlaps {
                before.end = before.end.max(next.end);
            }
            overlaps
        });
        found
    }

    /// Masks what a provider says of a deployment in its own words, the payload apart.
    pub(crate) fn mask_observation(&self, observation: &mut DeploymentObservation) {
        let words = [
            &mut observation.state.failure_message,
            &mut observation.details.git.message,
        ];
        for text in words.into_iter().flatten() {
            if let Cow::Owned(masked) = self.mask(text) {
                *text = masked;
            }
        }
    }

    /// Masks every text of a payload.
    pub(crate) fn mask_payload(&self, payload: &mut Value) {
        match payload {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_payload(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.mask_payload(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_what_is_around_them_stays() {
        let masks = Masks::default();
        for (text, expected) in [
            ("TOKEN tk-us-aB3_-x0 used", "TOKEN [masked] used"),
            ("token slp_0123456789abcdef.", "token [masked]."),
            ("Authorization: Bearer abc", "Authorization: Bearer [masked]"),
            ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [masked]"),
            ("-H 'Authorization: token abc'", "-H 'Authorization: token [masked]'"),
            ("a bearer abcdefghijklmnop.qrs z", "a bearer [masked] z"),
            ("jwt eyJhbGciOi.eyJzdWIi.sig", "jwt [masked]"),
            ("postgres://u:p@db:5432/app?x=1", "postgres://[masked]@db:5432/app?x=1"),
            ("postgres://u:p/q#r@db/app", "postgres://[masked]@db/app"),
            ("https://user:a@b@host/x", "https://[masked]@host/x"),
            ("https://ghtoken@github.com/a/b", "https://[masked]@github.com/a/b"),
            ("https://h:8080/a@b", "https://h:8080/a@b"),
            (
                "https://h/?page=2&access_token=abc&x=1",
                "https://h/?page=2&access_token=[masked]&x=1",
            ),
            ("https://h/?sig=abc#x", "https://h/?sig=[masked]#x"),
            ("export DB_PASSWORD='hunter2'", "export DB_PASSWORD='[masked]'"),
            ("AWS_SECRET_ACCESS_KEY=abc/def+g", "AWS_SECRET_ACCESS_KEY=[masked]"),
            (
                r#"{"password": "hunter2", "a": 1}"#,
                r#"{"password": "[masked]", "a": 1}"#,
            ),
            ("deploy --token abc --verbose", "deploy --token [masked] --verbose"),
            ("AKIAABCDEFGHIJKLMNOP", "[masked]"),
            (
                "-----BEGIN RSA PRIVATE KEY-----abc",
                "-----BEGIN RSA PRIVATE KEY-----[masked]",
            ),
            (
                "nothing to hide: 12 tokens, user@example.com",
                "nothing to hide: 12 tokens, user@example.com",
            ),
            (
                "LoadError: cannot load such file -- config/secrets",
                "LoadError: cannot load such file -- config/secrets",
            ),
            (
                "git clone https://github.com/a/b.git",
                "git clone https://github.com/a/b.git",
            ),
        ] {
            assert_eq!(masks.mask(text), expected);
            assert_eq!(masks.mask(expected), expected, "masking once more changes nothing");
        }
    }

    #[test]
    fn configured_patterns_are_masked_too_and_overlaps_are_one() {
        let patterns = ["internal-[0-9]+".to_owned(), r"pin (?<secret>\d+)".to_owned()];
        let masks = Masks::new(&patterns).unwrap();
        assert_eq!(
            masks.mask("internal-42, pin 1234, secret=internal-7x"),
            "[masked], pin [masked], secret=[masked]"
        );
        assert!(Masks::new(&["(".to_owned()]).is_err());
    }
}
