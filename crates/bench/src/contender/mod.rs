//! The processes that are measured. Each ends with its handle.

mod fixed;
mod flood;
mod gateway;
mod hand_written;
mod nginx;
mod raw;
mod varnish;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(crate) use fixed::{Fixed, serve as serve_fixed};
pub(crate) use flood::{Flood, serve as send_flood};
pub(crate) use gateway::{Committed, Gateway, Settings, prepare, program_bytes, with_token};
pub(crate) use hand_written::{HandWritten, serve as serve_hand_written};
pub(crate) use nginx::{Nchan, Nginx};
pub(crate) use raw::{Raw, Template, serve as send_raw};
pub(crate) use varnish::Varnish;

use crate::{Result, process};

/// How long a server may take until it takes connections.
const PATIENCE: Duration = Duration::from_secs(60);

/// What publishes events to subscribers.
pub(crate) trait Publisher {
    /// How it is called in the table.
    fn name(&self) -> &'static str;
    /// Where subscribers connect.
    fn address(&self) -> String;
    /// What they ask for.
    fn path(&self) -> String;
    /// Gives the next events away, and does not wait until they are out.
    fn publish(&mut self, events: usize) -> Result<()>;
    /// When the last that were given away were committed, or handed over where nothing is committed.
    fn published_at(&mut self) -> Result<i64>;
    /// The process that sends.
    fn pid(&self) -> u32;
}

/// A server of a package, in the foreground, with a folder of its own.
#[derive(Debug)]
struct Packaged {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Packaged {
    /// Starts what `command` says once it is told its folder and address.
    fn start(name: &str, command: impl FnOnce(&std::path::Path, SocketAddr) -> Result<Command>) -> Result<Self> {
        let folder = temporary_file(name);
        std::fs::create_dir_all(&folder)?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let child = command(&folder, address)?.spawn()?;
        let mut started = Self { child, folder, address };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = started.child.try_wait()? {
                return Err(format!("{name} ended before it served: {status}").into());
            }
            if Instant::now() > deadline {
                return Err(format!("{name} does not start within a minute").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(started)
    }
}

impl Drop for Packaged {
    fn drop(&mut self) {
        process::stop(&mut self.child);
        // A folder that stays behind among temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where a program of a package is, if it is installed.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

pub(crate) fn temporary_file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("slipway-bench-{}-{name}", std::process::id()))
}
