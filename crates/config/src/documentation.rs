//! What `default.toml` says of each key: the comments before it, beside it, and indented behind it.

use std::collections::BTreeMap;

/// The words of a file by section and key.
#[derive(Debug, Default)]
pub(crate) struct Documentation {
    keys: BTreeMap<(String, String), String>,
    /// All that is said in a section.
    sections: BTreeMap<String, String>,
    /// What is said right before its first key.
    heads: BTreeMap<String, String>,
}

impl Documentation {
    pub(crate) fn of(text: &str) -> Self {
        let mut this = Self::default();
        let mut section = String::new();
        let mut pending: Vec<&str> = Vec::new();
        let mut last = None;
        for line in text.lines() {
            let bare = line
                .strip_prefix('#')
                .map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest));
            if let Some(name) = header(bare) {
                section = name;
                this.heads.insert(section.clone(), pending.join(" "));
                pending.clear();
                last = None;
                continue;
            }
            let said = this.sections.entry(section.clone()).or_default();
            said.push_str(bare);
            said.push('\n');
            if let Some((key, beside)) = key(bare) {
                pending.extend(beside);
                let name = (section.clone(), key.to_owned());
                this.keys.insert(name.clone(), pending.join(" "));
                pending.clear();
                last = Some(name);
            } else if let (true, Some(text)) = (
                bare.starts_with("  "),
                last.as_ref().and_then(|last| this.keys.get_mut(last)),
            ) {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(bare.trim());
            } else if bare.trim().is_empty() || bare.starts_with('"') {
                // A key that is the operator's own word is an example.
                pending.clear();
                last = None;
            } else if line.starts_with('#') {
                pending.push(bare.trim());
            }
        }
        this
    }

    pub(crate) fn of_section(&self, section: &str) -> Option<&str> {
        self.heads
            .get(section)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn of_key(&self, section: &str, key: &str) -> Option<&str> {
        let text = self.keys.get(&(section.to_owned(), key.to_owned()));
        text.map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Every key that stands in the file, also behind a `#`.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.keys().map(|(section, key)| (section.as_str(), key.as_str()))
    }

    /// Whether a word stands in a section, or is a section below it.
    #[cfg(test)]
    pub(crate) fn mentions(&self, section: &str, word: &str) -> bool {
        let is_word = |text: &String| {
            text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .any(|other| other == word || other.strip_suffix("_env") == Some(word))
        };
        self.heads.contains_key(&format!("{section}.{word}")) || self.sections.get(section).is_some_and(is_word)
    }
}

/// `[auth.oidc]`, `[[accounts]]` as `accounts[]`.
fn header(line: &str) -> Option<String> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte))
    };
    match inner.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) => is_name(name).then(|| format!("{name}[]")),
        None => is_name(inner).then(|| inner.to_owned()),
    }
}

/// `key = value  # what is said beside it`
fn key(line: &str) -> Option<(&str, Option<&str>)> {
    let (key, rest) = line.split_once(" = ")?;
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit());
    let beside = rest.rsplit_once(" # ").map(|(_, beside)| beside.trim());
    is_key.then_some((key, beside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_key_is_found() {
        let text = "# Of all.\n\n# Of one.\n[one]\n# First,\n# second.\nport = 1\nhost = 2 # beside\n\n# lonely\n\n# [[many]]\n# name = 3\n#   Behind\n#   it.\n# other = 4";
        let texts = Documentation::of(text);
        assert_eq!(texts.of_section("one"), Some("Of one."));
        assert_eq!(texts.of_key("one", "port"), Some("First, second."));
        assert_eq!(texts.of_key("one", "host"), Some("beside"));
        assert_eq!(texts.of_key("many[]", "name"), Some("Behind it."));
        assert_eq!(texts.of_key("many[]", "other"), None);
        assert!(texts.mentions("one", "second") && !texts.mentions("one", "lone"));
    }
}
