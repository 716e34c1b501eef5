//! Takes secrets, and what PostgreSQL cannot keep, out of payloads before anything else reads them.

use std::borrow::Cow;

use serde_json::Value;

/// Parts of the names of query parameters whose values are credentials.
const SECRET_PARAMETERS: [&str; 7] = [
    "token",
    "secret",
    "password",
    "signature",
    "api_key",
    "apikey",
    "credential",
];
const SHORT_SECRET_PARAMETERS: [&str; 4] = ["sig", "key", "pwd", "auth"];

/// Removes the fields named in `secret_fields` at any depth, user names, passwords and tokens from URLs, and NUL
/// characters, which PostgreSQL keeps neither in text nor in JSON.
pub fn sanitize(value: &mut Value, secret_fields: &[&str]) {
    match value {
        Value::String(text) => {
            if text.contains('\0') {
                *text = text.replace('\0', "\u{fffd}");
            }
            if let Cow::Owned(clean) = without_url_secrets(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| sanitize(item, secret_fields)),
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains('\0') && !secret_fields.contains(&name.as_str()));
            fields.values_mut().for_each(|field| sanitize(field, secret_fields));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text with the credentials of the URLs in it taken out: `user:password@` goes, `?token=…` becomes `?token=redacted`.
pub fn without_url_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
            .unwrap_or(after.len());
        // A URL inside a URL (a redirect parameter) has its turn in the next round.
        let end = after[..end].find("://").unwrap_or(end);
        push_url(&mut clean, &after[..end]);
        rest = &after[end..];
    }
    clean.push_str(rest);
    if clean == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(clean)
    }
}

/// Pushes what follows the `://` of a URL.
fn push_url(clean: &mut String, url: &str) {
    let authority_end = url.find(['/', '?', '#', '\\']).unwrap_or(url.len());
    let (authority, path) = url.split_at(authority_end);
    clean.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    for (index, piece) in path.split_inclusive(['?', '#', '&']).enumerate() {
        let value_end = piece.trim_end_matches(['?', '#', '&']).len();
        match piece[..value_end].split_once('=') {
            Some((name, _)) if index > 0 && is_secret(name) => {
                clean.push_str(name);
                clean.push_str("=redacted");
                clean.push_str(&piece[value_end..]);
            }
            _ => clean.push_str(piece),
        }
    }
}

fn is_secret(parameter: &str) -> bool {
    let name = parameter.to_ascii_lowercase();
    SECRET_PARAMETERS.iter().any(|part| name.contains(part)) || SHORT_SECRET_PARAMETERS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let mut value = json!({
            "redeploy_hook": "https://hooks.example.com/x/y",
            "id": 7,
            "nested": [{"redeploy_hook": null, "url": "https://bot:s3cret@git.example.com/a/b.git"}],
            "links": {"output": "https://api.example.com/out?page=1&access_token=s3cret&x=1", "plain": "a@b.example"},
            "text": "see https://u:s3cret@h/p and https://h/?sig=s3cret#x",
            "nul": "a\0b",
        });
        sanitize(&mut value, &["redeploy_hook"]);
        assert_eq!(
            value,
            json!({
                "id": 7,
                "nested": [{"url": "https://git.example.com/a/b.git"}],
                "links": {"output": "https://api.example.com/out?page=1&access_token=redacted&x=1", "plain": "a@b.example"},
                "text": "see https://h/p and https://h/?sig=redacted#x",
                "nul": "a\u{fffd}b",
            })
        );
    }

    #[test]
    fn odd_urls_do_not_hide_a_secret() {
        for text in [
            "https://user:s3cret@host",
            "https://a@b:s3cret@host/x",
            "ssh://s3cret@host:22/x",
            "x https://h?token=s3cret y",
            "https://h/?a=https://u:s3cret@h2/&TOKEN=s3cret",
            "https://h/#id_token=s3cret",
            "://s3cret@",
        ] {
            assert!(
                !without_url_secrets(text).contains("s3cret"),
                "{text} -> {}",
                without_url_secrets(text)
            );
        }
    }
}
