//! Finds the PostgreSQL binaries of this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The oldest major version that Slipway supports.
pub const OLDEST_MAJOR: u32 = 15;

/// The binaries of one PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `postgres` and `initdb`.
    pub bin_dir: PathBuf,
    /// The major version, for example 17.
    pub major: u32,
    /// The full version, for example `17.2`.
    pub version: String,
}

impl Installation {
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

/// Where to look for PostgreSQL, in the order of the fields.
#[derive(Debug, Clone, Default)]
pub struct SearchPlaces {
    /// Folders of commands, as in `PATH`: for `pg_config` first, and for `postgres` itself last.
    pub path: Vec<PathBuf>,
    /// Folders whose children are called `<prefix><major version>` and have a `bin`; the newest is tried first.
    pub versioned: Vec<(PathBuf, String)>,
    /// Where a fetched PostgreSQL is kept; without it none is fetched.
    pub download_dir: Option<PathBuf>,
}

impl SearchPlaces {
    /// The places of this machine: `PATH` and the folders in which the distributions install.
    pub fn system() -> Self {
        let path: OsString = std::env::var_os("PATH").unwrap_or_default();
        Self {
            path: std::env::split_paths(&path).filter(|dir| dir.is_absolute()).collect(),
            versioned: vec![
                ("/usr/lib/postgresql".into(), String::new()), // Debian, Ubuntu
                ("/usr".into(), "pgsql-".into()),              // the PostgreSQL project's RPMs
                ("/usr/libexec".into(), "postgresql".into()),  // Alpine
            ],
            download_dir: crate::settings::default_cache_dir(),
        }
    }

    /// The first PostgreSQL that can be used: of the given major version, or of any that is supported.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the places and what was unusable there.
    pub fn locate(&self, major: Option<u32>) -> Result<Installation, Error> {
        let mut unusable = Vec::new();
        for bin_dir in self.candidates() {
            let Some(found) = inspect(&bin_dir) else { continue };
            if major.map_or(found.major >= OLDEST_MAJOR, |major| found.major == major) {
                return Ok(found);
            }
            let name = format!("PostgreSQL {}", found.version);
            if !unusable.contains(&name) {
                unusable.push(name);
            }
        }
        let unusable = if unusable.is_empty() {
            String::new()
        } else {
            format!("; found only {}", unusable.join(", "))
        };
        Err(Error::not_found(major, self.to_string(), unusable, String::new()))
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if let Some(pg_config) = self.command("pg_config") {
            found.extend(output_of(&pg_config, "--bindir").map(PathBuf::from));
        }
        for (parent, prefix) in &self.versioned {
            found.extend(newest_first(parent, prefix));
        }
        if let Some(download_dir) = &self.download_dir {
            found.extend(newest_first(download_dir, ""));
        }
        // Resolved, because the other programs lie beside the real file and not beside a link to it.
        let postgres = self
            .command("postgres")
            .and_then(|postgres| postgres.canonicalize().ok());
        found.extend(postgres.as_deref().and_then(Path::parent).map(Path::to_owned));
        found
    }

    fn command(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|dir| dir.join(name)).find(|file| file.is_file())
    }
}

impl std::fmt::Display for SearchPlaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`pg_config --bindir`, ")?;
        for (parent, prefix) in &self.versioned {
            write!(f, "{}/{prefix}*/bin, ", parent.display())?;
        }
        f.write_str("PATH")
    }
}

/// The PostgreSQL of this machine that the built-in database would use for a new folder.
///
/// # Errors
/// [`Error::NotFound`] if there is none of a supported version; [`crate::BuiltinPostgres::start`] would then try
/// to fetch one.
pub fn locate() -> Result<Installation, Error> {
    SearchPlaces::system().locate(None)
}

fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(children) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut versions: Vec<(Vec<u32>, PathBuf)> = children
        .filter_map(|child| {
            let child = child.ok()?;
            let name = child.file_name();
            let digits = name.to_str()?.strip_prefix(prefix)?;
            let version = digits
                .split('.')
                .map(|part| part.parse().ok())
                .collect::<Option<Vec<u32>>>()?;
            Some((version, child.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.0.cmp(&a.0));
    versions.into_iter().map(|(_, bin_dir)| bin_dir).collect()
}

/// What lies in this folder, if it is a whole server.
pub(crate) fn inspect(bin_dir: &Path) -> Option<Installation> {
    if !bin_dir.join("initdb").is_file() {
        return None;
    }
    let text = output_of(&bin_dir.join("postgres"), "--version")?;
    let (major, version) = parse_version(&text)?;
    Some(Installation {
        bin_dir: bin_dir.to_owned(),
        major,
        version,
    })
}

/// Reads "postgres (PostgreSQL) 17.2 (Debian 17.2-1)"; pre-releases are called 18beta1.
fn parse_version(text: &str) -> Option<(u32, String)> {
    let version = text.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Some((version[..digits].parse().ok()?, version.to_owned()))
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_versions_that_servers_print() {
        let read = |text| parse_version(text).map(|(major, version)| format!("{major} {version}"));
        assert_eq!(
            read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)").as_deref(),
            Some("15 15.18")
        );
        assert_eq!(read("postgres (PostgreSQL) 18beta1").as_deref(), Some("18 18beta1"));
        assert_eq!(read("postgres (PostgreSQL) 9.6.24").as_deref(), Some("9 9.6.24"));
        assert_eq!(read("postgres (EnterpriseDB) 15"), None);
        assert_eq!(read("postgres (PostgreSQL)"), None);
    }
}
