//! The server's log file in the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::Error;

/// A file beyond this size becomes `postgres.log.1` at the next start.
const ROTATE_BYTES: u64 = 10 * 1024 * 1024;

/// The log of one run of the server.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    begin: u64,
}

impl Log {
    /// Opens the file for the server; the handle is meant for its standard error.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, File), Error> {
        let failed = |cause| Error::folder("write", &path, cause);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.len() > ROTATE_BYTES) {
            fs::rename(&path, path.with_extension("log.1")).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        options
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW);
        let file = options.open(&path).map_err(failed)?;
        let begin = file.metadata().map_err(failed)?.len();
        Ok((Self { path, begin }, file))
    }

    /// The last lines that this run wrote, on one line.
    pub(crate) fn tail(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            let from = self.begin.max(file.metadata()?.len().saturating_sub(4096));
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return format!("(not readable: {error})");
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match lines.as_slice() {
            [] => "(empty)".to_owned(),
            lines => lines[lines.len().saturating_sub(6)..].join(" | "),
        }
    }
}
