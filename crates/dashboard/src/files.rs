//! The dashboard's files: carried by the program, but in debug builds read from disk, so that an edit shows at once.

use std::borrow::Cow;

/// As they were when the program was built: path under `assets/`, and bytes.
const BUILT_IN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// One file.
#[derive(Debug, Clone)]
pub struct File {
    /// The path under `assets/`, with `/` between its parts.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Cow<'static, [u8]>,
}

impl File {
    /// How a browser has to read it.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("webmanifest") => "application/manifest+json",
            _ => "application/octet-stream",
        }
    }
}

/// All files.
pub fn files() -> impl Iterator<Item = File> {
    BUILT_IN.iter().map(|(name, bytes)| File {
        name,
        bytes: current(name, bytes),
    })
}

/// The file with this path under `assets/`.
pub(crate) fn find(name: &str) -> Option<File> {
    let (name, bytes) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Some(File {
        name,
        bytes: current(name, bytes),
    })
}

/// Only names of the list get here, so no request reads anything else of the disk.
#[cfg(debug_assertions)]
fn current(name: &str, built_in: &'static [u8]) -> Cow<'static, [u8]> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/").to_owned() + name;
    std::fs::read(path).map_or(Cow::Borrowed(built_in), Cow::Owned)
}

#[cfg(not(debug_assertions))]
fn current(_name: &str, built_in: &'static [u8]) -> Cow<'static, [u8]> {
    Cow::Borrowed(built_in)
}
