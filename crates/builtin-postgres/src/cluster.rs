//! Makes the cluster (`initdb`) and runs the server's other short programs.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rand::distr::{Alphanumeric, SampleString};
use rustix::process::Signal;

use crate::Error;
use crate::child::{Exit, tie_to_this_thread};
use crate::folder::{Folder, sync_dir, write_private};
use crate::locate::Installation;

/// The role, and the name of the database.
pub(crate) const NAME: &str = "slipway";

/// What a cluster that is still being made is called; a killed start leaves one behind.
const UNFINISHED_PREFIX: &str = "making-";

/// Sees to it that there is a cluster and a password that opens it. Blocks.
pub(crate) fn ensure(folder: &Folder, installation: &Installation, sync: bool) -> Result<String, Error> {
    remove_unfinished(folder);
    let exists = folder.major()?.is_some();
    match (exists, folder.password()?) {
        (true, Some(password)) => Ok(password),
        (true, None) => {
            let password = folder.new_password()?;
            if let Err(error) = set_password(folder, installation, &password) {
                drop(fs::remove_file(folder.password_file()));
                return Err(error);
            }
            tracing::warn!(file = %folder.password_file().display(), "the database's password was missing; a new one is set");
            Ok(password)
        }
        (false, _) => {
            let password = folder.new_password()?;
            create(folder, installation, &password, sync)?;
            Ok(password)
        }
    }
}

fn create(folder: &Folder, installation: &Installation, password: &str, sync: bool) -> Result<(), Error> {
    let part = folder.part();
    let unfinished = part.join(format!(
        "{UNFINISHED_PREFIX}{}",
        Alphanumeric.sample_string(&mut rand::rng(), 8)
    ));
    let password_file = unfinished.with_extension("password");
    write_private(&password_file, password).map_err(|cause| Error::folder("write", &password_file, cause))?;
    folder.hand_over(&password_file)?;
    let program = installation.program("initdb");
    let mut command = folder.user.command(&program, &part);
    command
        .arg("-D")
        .arg(&unfinished)
        .arg("-U")
        .arg(NAME)
        .arg("-A")
        .arg("scram-sha-256")
        .arg("-k");
    // The same order and the same meaning of text on every machine.
    command.args(["-E", "UTF8", "--no-locale", "--no-instructions"]);
    let mut file_option = std::ffi::OsString::from("--pwfile=");
    file_option.push(&password_file);
    command.arg(file_option);
    if !sync {
        command.arg("-N");
    }
    let made = run(folder, command, "initdb", &program, "");
    drop(fs::remove_file(&password_file));
    made?;
    // Only a whole cluster, which is on the disk, gets the name that the next start trusts.
    let data = folder.data();
    drop(fs::remove_dir(&data));
    fs::rename(&unfinished, &data)
        .and_then(|()| if sync { sync_dir(&part) } else { Ok(()) })
        .map_err(|cause| Error::folder("make", &data, cause))
}

/// A server for one session on standard input, without authentication: how the owner of the files gets back in.
fn set_password(folder: &Folder, installation: &Installation, password: &str) -> Result<(), Error> {
    let program = installation.program("postgres");
    let data = folder.data();
    let mut command = folder.user.command(&program, &data);
    command.arg("--single").arg("-D").arg(&data).arg("postgres");
    let statement = format!("ALTER ROLE {NAME} PASSWORD '{password}'\n");
    run(folder, command, "postgres --single", &program, &statement)
}

fn run(folder: &Folder, mut command: Command, name: &'static str, path: &Path, input: &str) -> Result<(), Error> {
    tie_to_this_thread(&mut command, Signal::KILL);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let dir = command.get_current_dir().map(Path::to_owned).unwrap_or_default();
    let mut child = command
        .spawn()
        .map_err(|cause| folder.user.explain(path, &dir, cause))?;
    let failed = |cause| Error::Spawn {
        program: path.to_owned(),
        cause,
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it read everything tells why by its exit code.
        drop(stdin.write_all(input.as_bytes()));
    }
    let output = child.wait_with_output().map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stderr);
    // The single-user server reports a failed statement only in words.
    if output.status.success() && !said.contains("ERROR:") {
        return Ok(());
    }
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let output_text = lines[lines.len().saturating_sub(6)..].join(" | ");
    Err(Error::Setup {
        program: name,
        exit: Exit::from(output.status),
        output: output_text,
    })
}

fn remove_unfinished(folder: &Folder) {
    for entry in fs::read_dir(folder.part()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX) {
            // A helper of a killed initdb may still write for a moment; what stays is removed by the next start.
            drop(fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path())));
        }
    }
}
