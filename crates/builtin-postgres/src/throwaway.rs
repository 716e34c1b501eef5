//! The temporary folder of a test's database. It goes away with its process, also when nobody says stop: a static in
//! a test binary is never dropped, and a killed process drops nothing.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Error;

/// Waits for the end of its input, which is the end of our process, then for the server's, and removes the folder.
const REAPER: &str = r#"trap "" HUP INT TERM
read -r _
n=0
while [ -e "$1/postgres/data/postmaster.pid" ] && [ "$n" -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
rm -rf -- "$1""#;

/// A folder that is removed when this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Throwaway {
    dir: PathBuf,
    reaper: Child,
}

impl Throwaway {
    pub(crate) fn watch(dir: PathBuf) -> Result<Self, Error> {
        let shell = PathBuf::from("/bin/sh");
        let mut command = Command::new(&shell);
        // A group of its own: Ctrl-C in the terminal must not reach it.
        command
            .arg("-c")
            .arg(REAPER)
            .arg("sh")
            .arg(&dir)
            .process_group(0)
            .current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let reaper = command
            .spawn()
            .map_err(|cause| Error::Spawn { program: shell, cause })?;
        Ok(Self { dir, reaper })
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        drop(self.reaper.kill());
        drop(self.reaper.wait());
        drop(fs::remove_dir_all(&self.dir));
    }
}
