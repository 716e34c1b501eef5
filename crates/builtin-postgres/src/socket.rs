//! The folder of the Unix socket: in the data folder, or a short one where that path is too long for a socket.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString};

use crate::Error;
use crate::folder::{Folder, private_dir, write_private};

/// The kernel's limit for a socket's path, without the closing zero.
const LONGEST_PATH_BYTES: usize = 107;
/// What PostgreSQL calls its socket on the default port.
const FILE: &str = ".s.PGSQL.5432";
const SHORT_PREFIX: &str = "slipway-pg-";

/// The folder with the socket.
#[derive(Debug)]
pub(crate) struct SocketDir {
    pub(crate) path: PathBuf,
    /// The note that leads to a folder outside the data folder.
    note: Option<PathBuf>,
}

impl SocketDir {
    /// Makes the folder, for the database's user alone. Root comes in anyway, and nobody else should.
    pub(crate) fn make(folder: &Folder) -> Result<Self, Error> {
        remove_noted(folder);
        let inside = folder.part().join("run");
        if fits(&inside) {
            private_dir(&inside).map_err(|cause| Error::folder("make", &inside, cause))?;
            folder.hand_over(&inside)?;
            return Ok(Self {
                path: inside,
                note: None,
            });
        }
        let path = short_dir(folder)?;
        let note = folder.socket_note();
        write_private(&note, &path.to_string_lossy()).map_err(|cause| Error::folder("write", &note, cause))?;
        // Not one that is there already: others may write here.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|cause| Error::folder("make", &path, cause))?;
        folder.hand_over(&path)?;
        tracing::info!(dir = %path.display(), "the data folder's path is too long for a socket, which lies here instead");
        Ok(Self { path, note: Some(note) })
    }

    /// Removes what the server's end leaves.
    pub(crate) fn remove(&self) {
        if let Some(note) = &self.note {
            drop(fs::remove_dir_all(&self.path));
            drop(fs::remove_file(note));
        }
    }
}

/// Removes what a killed server leaves in the folder. PostgreSQL refuses to start over a lock file whose number lives,
/// and that may be a stranger's, or the server's own, dead but not reaped yet.
pub(crate) fn clear(dir: &Path) -> Result<(), Error> {
    for name in [FILE.to_owned(), format!("{FILE}.lock")] {
        let file = dir.join(name);
        match fs::remove_file(&file) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(Error::folder("remove", &file, cause)),
            _ => {}
        }
    }
    Ok(())
}

fn fits(dir: &Path) -> bool {
    dir.as_os_str().as_bytes().len() + 1 + FILE.len() <= LONGEST_PATH_BYTES
}

/// A new name in the runtime folder of this user, or in the folder for temporary files.
fn short_dir(folder: &Folder) -> Result<PathBuf, Error> {
    let name = format!("{SHORT_PREFIX}{}", Alphanumeric.sample_string(&mut rand::rng(), 12));
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|dir| !folder.user.switch && dir.is_absolute() && dir.is_dir());
    let places = runtime.into_iter().chain([std::env::temp_dir(), PathBuf::from("/tmp")]);
    let usable = |dir: &PathBuf| fits(dir) && folder.user.blocked_at(dir).is_none();
    places
        .map(|place| place.join(&name))
        .find(|dir| usable(dir))
        .ok_or_else(|| {
            let cause =
                std::io::Error::other("the path is too long for a Unix socket, and so is the temporary folder's");
            Error::folder("use", &folder.root, cause)
        })
}

/// Removes the short folder of a run that was killed, if it is what the note says.
fn remove_noted(folder: &Folder) {
    let note = folder.socket_note();
    let Ok(path) = fs::read_to_string(&note).map(PathBuf::from) else {
        return;
    };
    let named = path
        .file_name()
        .is_some_and(|name| name.as_bytes().starts_with(SHORT_PREFIX.as_bytes()));
    let owned = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() && found.uid() == folder.user.uid);
    if named && owned {
        drop(fs::remove_dir_all(&path));
    }
    drop(fs::remove_file(&note));
}
