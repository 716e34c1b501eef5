//! The data folder: what lies in it, whose it is, and who may pass through.
//!
//! ```text
//! <data folder>/          this process' user; the database's user may pass through but not list
//!   gateway.lock          the lock, with the holder's process id
//!   postgres-password     0600
//!   postgres.log          0600, the server's messages
//!   postgres/             0700, the database's user
//!     data/               the cluster
//!     run/                the Unix socket
//! ```

use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString};

use crate::Error;
use crate::lock::{self, Lock};
use crate::user::DatabaseUser;

/// A data folder that is ready for use.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    pub(crate) user: DatabaseUser,
}

impl Folder {
    /// Makes the folder if it is missing, locks it, and sees to it that the database's user can work in its part.
    pub(crate) fn open(path: &Path) -> Result<(Self, Lock), Error> {
        let as_root = rustix::process::geteuid().is_root();
        make(path, as_root)?;
        let root = path.canonicalize().map_err(|cause| Error::folder("use", path, cause))?;
        let cluster = fs::symlink_metadata(root.join("postgres/data"))
            .or_else(|_| fs::symlink_metadata(root.join("postgres")))
            .ok();
        let folder = Self {
            root,
            user: DatabaseUser::choose(cluster.as_ref()),
        };
        if folder.user.switch {
            folder.let_the_user_pass()?;
        }
        let lock = Lock::take(&folder.root)?;
        folder.make_database_part()?;
        Ok((folder, lock))
    }

    pub(crate) fn part(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("postgres/data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.root.join("postgres-password")
    }

    /// A name for the cluster that its processes bear in their titles: `ps` tells it from others by it, and so do we
    /// where their working folder cannot be read.
    pub(crate) fn cluster_name(&self) -> String {
        // FNV-1a: the same in every build, unlike the standard library's hasher.
        let hash = self
            .root
            .as_os_str()
            .as_bytes()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
        format!("slipway-{:08x}", hash >> 32)
    }

    /// Where a socket folder outside the data folder is remembered, so that the next start can remove it.
    pub(crate) fn socket_note(&self) -> PathBuf {
        self.root.join("postgres-socket")
    }

    /// The major version that made the cluster, if there is one.
    pub(crate) fn major(&self) -> Result<Option<String>, Error> {
        let file = self.data().join("PG_VERSION");
        let content = match fs::read_to_string(&file) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A folder without its version file is damaged, not empty: never initialise over it.
                let damaged = fs::read_dir(self.data()).is_ok_and(|mut entries| entries.next().is_some());
                return if damaged {
                    Err(Error::BadVersionFile {
                        file,
                        content: String::new(),
                    })
                } else {
                    Ok(None)
                };
            }
            Err(cause) => return Err(Error::folder("read", &file, cause)),
        };
        let version = content.trim();
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(Error::BadVersionFile {
                file,
                content: content.chars().take(40).collect(),
            });
        }
        Ok(Some(version.to_owned()))
    }

    /// The stored password, if there is one.
    pub(crate) fn password(&self) -> Result<Option<String>, Error> {
        let file = self.password_file();
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Error::folder("read", &file, cause)),
        }
    }

    /// Makes and stores a new password.
    pub(crate) fn new_password(&self) -> Result<String, Error> {
        let password = Alphanumeric.sample_string(&mut rand::rng(), 32);
        let file = self.password_file();
        let fresh = self.root.join("postgres-password.new");
        drop(fs::remove_file(&fresh));
        write_private(&fresh, &password)
            .and_then(|()| fs::rename(&fresh, &file))
            .and_then(|()| sync_dir(&self.root))
            .map_err(|cause| Error::folder("write", &file, cause))?;
        Ok(password)
    }

    /// Gives a path to the database's user.
    pub(crate) fn hand_over(&self, path: &Path) -> Result<(), Error> {
        if !self.user.switch {
            return Ok(());
        }
        lchown(path, Some(self.user.uid), Some(self.user.gid))
            .map_err(|cause| Error::folder("give the database's user", path, cause))
    }

    /// The folder itself is ours to open a little; what lies above it is the operator's.
    fn let_the_user_pass(&self) -> Result<(), Error> {
        let failed = |cause| Error::folder("open the way through", &self.root, cause);
        let metadata = fs::metadata(&self.root).map_err(failed)?;
        if !self.user.may_enter(&metadata) && metadata.uid() == 0 && self.is_ours_or_empty() {
            // The database's group may pass through, and only that: nothing in here can be listed.
            chown(&self.root, None, Some(self.user.gid)).map_err(failed)?;
            fs::set_permissions(&self.root, Permissions::from_mode(metadata.mode() & 0o7707 | 0o010))
                .map_err(failed)?;
        }
        match self.user.not_passable(&self.root) {
            // Access lists can allow what the bits deny: only a try tells.
            Some(error) if !self.user_gets_there() => Err(error),
            _ => Ok(()),
        }
    }

    fn user_gets_there(&self) -> bool {
        let status = self.user.command(Path::new("/bin/true"), &self.root).status();
        status.is_ok_and(|status| status.success())
    }

    fn is_ours_or_empty(&self) -> bool {
        self.root.join(lock::FILE).exists() || fs::read_dir(&self.root).is_ok_and(|mut dir| dir.next().is_none())
    }

    fn make_database_part(&self) -> Result<(), Error> {
        let part = self.part();
        private_dir(&part).map_err(|cause| Error::folder("make", &part, cause))?;
        let is_the_users = |metadata: Metadata| !self.user.switch || metadata.uid() == self.user.uid;
        let check = |path: &Path| fs::symlink_metadata(path).map_err(|cause| Error::folder("read", path, cause));
        if !is_the_users(check(&part)?) {
            self.hand_over(&part)?;
        }
        // Restored from a backup by root, for example.
        if self.data().exists() && !is_the_users(check(&self.data())?) {
            self.hand_over_all(&self.data())?;
        }
        Ok(())
    }

    fn hand_over_all(&self, path: &Path) -> Result<(), Error> {
        let failed = |cause| Error::folder("read", path, cause);
        self.hand_over(path)?;
        if fs::symlink_metadata(path).map_err(failed)?.is_dir() {
            for entry in fs::read_dir(path).map_err(failed)? {
                self.hand_over_all(&entry.map_err(failed)?.path())?;
            }
        }
        Ok(())
    }
}

/// Makes the data folder and what is missing above it.
fn make(path: &Path, as_root: bool) -> Result<(), Error> {
    let path = std::path::absolute(path).map_err(|cause| Error::folder("use", path, cause))?;
    let failed = |cause| Error::folder("make", &path, cause);
    let missing: Vec<&Path> = path.ancestors().take_while(|dir| !dir.exists()).collect();
    for dir in missing.iter().rev() {
        match DirBuilder::new()
            .mode(if *dir == path { 0o700 } else { 0o755 })
            .create(dir)
        {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        if as_root && *dir != path {
            // Whatever root's umask is: the database's user must get through.
            fs::set_permissions(dir, Permissions::from_mode(0o755)).map_err(failed)?;
        }
    }
    if path.is_dir() {
        Ok(())
    } else {
        Err(failed(io::ErrorKind::NotADirectory.into()))
    }
}

/// Makes a folder that only its owner may use, or leaves it as it is.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Writes a new file that only its owner may read, and waits until it is on the disk.
pub(crate) fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// Makes renames and new names in a folder survive a power cut.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
