//! `[logs]`

use std::time::Duration;

use regex::RegexBuilder;

use crate::reader::Reader;

/// A pattern that compiles to more than this is refused: it would make every line slow.
const PATTERN_BYTES: usize = 256 * 1024;
const DAY: Duration = Duration::from_secs(86_400);

/// What is kept of the logs of deployments.
#[derive(Debug, Clone)]
pub struct DeploymentLogSettings {
    /// Regular expressions of what is masked beside the known shapes of tokens.
    pub mask_patterns: Vec<String>,
    /// The longest text that is kept of one deployment.
    pub max_bytes: usize,
    /// How long a text is kept.
    pub keep_for: Duration,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<DeploymentLogSettings> {
    let wanted = "regular expressions without look-around that do not match the empty text";
    let mask_patterns = section.list("mask_patterns", wanted, |text| {
        is_pattern(text).then(|| text.to_owned())
    });
    let max_bytes = section.integer("max_bytes", 10_000..=64 * 1024 * 1024);
    let max_bytes = section.required("max_bytes", max_bytes);
    let keep_for = section.duration("keep_for", Duration::from_secs(60)..=DAY * 3_650);
    let keep_for = section.required("keep_for", keep_for);
    section.finish();
    Some(DeploymentLogSettings {
        mask_patterns,
        max_bytes: usize::try_from(max_bytes?).ok()?,
        keep_for: keep_for?,
    })
}

fn is_pattern(text: &str) -> bool {
    let compiled = RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
    compiled.is_ok_and(|pattern| !pattern.is_match(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_are_broken_match_nothing_or_are_huge_are_refused() {
        assert!(is_pattern("internal-[0-9]+") && is_pattern(r"pin (?<secret>\d+)"));
        for text in ["(", "", "a*", "(?=x)", r"(\w{200}){200}"] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
