//! The demo's own tokens: random, and the same for every run on a folder, so that a client need not be told again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const FILE: &str = "tokens.json";
const LENGTH: usize = 32;

#[derive(Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) read_token: String,
    pub(crate) admin_token: String,
}

impl Credentials {
    /// Those of this folder; new ones in a new folder.
    pub(crate) fn keep_in(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let failed = |action: &str, error: &dyn std::fmt::Display| {
            Failure::new(format!(
                "cannot {action} the demo's tokens in {}: {error}; remove that file",
                path.display()
            ))
        };
        match fs::read(&path) {
            Ok(text) => return serde_json::from_slice(&text).map_err(|error| failed("read", &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &error)),
        }
        let random = |scope: &str| format!("demo-{scope}-{}", Alphanumeric.sample_string(&mut rand::rng(), LENGTH));
        let credentials = Self {
            read_token: random("read"),
            admin_token: random("admin"),
        };
        let text = serde_json::to_vec_pretty(&credentials).map_err(|error| failed("write", &error))?;
        write_private(&path, &text).map_err(|error| failed("write", &error))?;
        Ok(credentials)
    }
}

/// Whole or not at all, and for nobody else's eyes.
fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}
