//! Secrets: in the file, in a file of their own, or in an environment variable.

use url::Url;

use super::{Reader, Taken};
use crate::Secret;
use crate::keys::Kind;

impl Reader<'_> {
    /// A secret that stands here (`key`), in a file (`key_file`) or in an environment variable (`key_env`). The faults
    /// never quote it.
    pub(crate) fn secret(&mut self, key: &str) -> Option<Taken<Secret>> {
        let (in_file, in_variable) = (format!("{key}_file"), format!("{key}_env"));
        let inline = self.text(key, || Kind::Secret);
        let file = self.text(&in_file, || Kind::SecretFile);
        let variable = self.text(&in_variable, || Kind::SecretVariable);
        // SLIPWAY_…__TOKEN in the environment wins over whatever way the file has chosen.
        if let Some(inline) = &inline
            && (inline.place.starts_with("environment variable") || (file.is_none() && variable.is_none()))
        {
            return Some(Taken {
                value: Secret::new(&inline.value),
                place: inline.place.clone(),
            });
        }
        match (inline, file, variable) {
            (None, Some(file), None) => match std::fs::read_to_string(&file.value) {
                Ok(text) if text.trim().is_empty() => {
                    self.fault(&file.place, &in_file, format!("`{}` is empty", file.value));
                    None
                }
                Ok(text) => Some(Taken {
                    value: Secret::new(text),
                    place: file.place,
                }),
                Err(error) => {
                    self.fault(
                        &file.place,
                        &in_file,
                        format!("`{}` cannot be read: {error}", file.value),
                    );
                    None
                }
            },
            (None, None, Some(variable)) => {
                let found = self
                    .notes
                    .environment
                    .get(&variable.value)
                    .filter(|value| !value.trim().is_empty());
                if found.is_none() {
                    let message = format!("the environment variable `{}` is not set", variable.value);
                    self.fault(&variable.place, &in_variable, message);
                }
                found.map(|found| Taken {
                    value: Secret::new(found),
                    place: variable.place,
                })
            }
            (None, None, None) => None,
            _ => {
                let place = self.place.clone();
                self.fault(
                    &place,
                    key,
                    format!("give one of `{key}`, `{in_file}` and `{in_variable}`, not several"),
                );
                None
            }
        }
    }

    /// As [`Reader::secret`], a fault if there is none.
    pub(crate) fn required_secret(&mut self, key: &str) -> Option<Taken<Secret>> {
        if let Some(keys) = &mut self.notes.keys {
            keys.require(&self.name, key);
        }
        let before = self.notes.faults.iter().count();
        let secret = self.secret(key);
        if secret.is_none() && self.notes.faults.iter().count() == before {
            let place = self.place.clone();
            self.fault(
                &place,
                key,
                format!("is missing: give `{key}`, `{key}_file` or `{key}_env`"),
            );
        }
        secret
    }

    /// A secret that is a PostgreSQL URL.
    pub(crate) fn database_url(&mut self, key: &str) -> Option<Secret> {
        let Taken { value, place } = self.secret(key)?;
        let is_postgres = Url::parse(value.expose()).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        if !is_postgres {
            self.fault(
                &place,
                key,
                "must be a URL such as postgres://user:password@host:5432/slipway",
            );
        }
        is_postgres.then_some(value)
    }
}
