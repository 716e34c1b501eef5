//! The user that the database's processes run as: PostgreSQL refuses to run as root.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// Who the database's processes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUser {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    name: String,
    /// Whether that is somebody else than this process, which is then root.
    pub(crate) switch: bool,
}

impl DatabaseUser {
    /// This process' own user; for root the owner of an existing cluster, else `postgres`, else `nobody`.
    ///
    /// The owner first: a folder that an ordinary user made, or that was made before `postgres` existed, keeps
    /// working for everybody who used it before.
    pub(crate) fn choose(cluster: Option<&Metadata>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        if uid != 0 {
            return Self {
                uid,
                gid,
                name: name_of(&passwd, uid),
                switch: false,
            };
        }
        let owner = cluster
            .map(|cluster| (cluster.uid(), cluster.gid()))
            .filter(|(uid, _)| *uid != 0);
        let (uid, gid) = owner
            .or_else(|| ids_of(&passwd, "postgres"))
            .or_else(|| ids_of(&passwd, "nobody"))
            .unwrap_or((65_534, 65_534));
        Self {
            uid,
            gid,
            name: name_of(&passwd, uid),
            switch: true,
        }
    }

    /// A command of this user: nothing of our environment that could change what PostgreSQL does, `dir` as the
    /// working folder. Starting it fails with "permission denied" if the user cannot get to `dir`.
    pub(crate) fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir(dir)
            .stdin(Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.switch {
            // As root the standard library empties the supplementary groups together with this.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The first folder on the way to `target`, itself included, that this user may not enter, with its mode. By the
    /// permission bits alone: good for a message, the kernel has the last word.
    pub(crate) fn blocked_at(&self, target: &Path) -> Option<(PathBuf, u32)> {
        let mut way: Vec<&Path> = target.ancestors().collect();
        way.reverse();
        way.into_iter().find_map(|dir| {
            let metadata = std::fs::metadata(dir).ok().filter(Metadata::is_dir)?;
            (!self.may_enter(&metadata)).then(|| (dir.to_owned(), metadata.mode() & 0o7777))
        })
    }

    pub(crate) fn may_enter(&self, dir: &Metadata) -> bool {
        let bit = match () {
            () if dir.uid() == self.uid => 0o100,
            () if dir.gid() == self.gid => 0o010,
            () => 0o001,
        };
        dir.mode() & bit != 0
    }

    /// What a failed start of `program` in `dir` means.
    pub(crate) fn explain(&self, program: &Path, dir: &Path, cause: std::io::Error) -> Error {
        if self.switch && cause.kind() == std::io::ErrorKind::PermissionDenied {
            for target in [dir, program] {
                if let Some(error) = self.not_passable(target) {
                    return error;
                }
            }
        }
        Error::Spawn {
            program: program.to_owned(),
            cause,
        }
    }

    /// The error for a way that the permission bits bar.
    pub(crate) fn not_passable(&self, target: &Path) -> Option<Error> {
        let (blocked, mode) = self.blocked_at(target)?;
        Some(Error::NotPassable {
            user: self.name.clone(),
            blocked,
            mode,
            target: target.to_owned(),
        })
    }
}

fn entries(passwd: &str) -> impl Iterator<Item = (&str, u32, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        Some((name, uid.parse().ok()?, gid.parse().ok()?))
    })
}

/// The ids of a user that is not root.
fn ids_of(passwd: &str, wanted: &str) -> Option<(u32, u32)> {
    entries(passwd)
        .find(|(name, uid, _)| *name == wanted && *uid != 0)
        .map(|(_, uid, gid)| (uid, gid))
}

fn name_of(passwd: &str, wanted: u32) -> String {
    let found = entries(passwd).find(|(_, uid, _)| *uid == wanted);
    found.map_or_else(|| wanted.to_string(), |(name, ..)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\npostgres:x:101:104::/:/bin/sh\nodd:x:a:b\n";

    #[test]
    fn reads_a_passwd_file_with_broken_lines() {
        assert_eq!(ids_of(PASSWD, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(PASSWD, "nobody"), None);
        assert_eq!(name_of(PASSWD, 101), "postgres");
        assert_eq!(name_of(PASSWD, 4711), "4711");
    }

    #[test]
    fn never_takes_root_for_the_database() {
        assert_eq!(ids_of("postgres:x:0:0::/:/bin/sh\n", "postgres"), None);
        assert_ne!(DatabaseUser::choose(None).uid, 0);
    }
}
