//! varnish in front of a server.

use std::process::{Command, Stdio};

use super::{Packaged, find_program};
use crate::Result;

/// varnish, which keeps every answer for an hour.
#[derive(Debug)]
pub(crate) struct Varnish(Packaged);

impl Varnish {
    /// In front of the server at this address.
    pub(crate) fn start(upstream: &str) -> Result<Self> {
        let program =
            find_program("varnishd").ok_or("varnish is not installed: `apt-get install varnish` on Debian")?;
        Packaged::start("varnish", |folder, address| {
            let mut command = Command::new(program);
            command.args(["-F", "-j", "none", "-s", "malloc,64m", "-t", "3600", "-a"]);
            command
                .arg(address.to_string())
                .args(["-b", upstream, "-n"])
                .arg(folder);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            Ok(command)
        })
        .map(Self)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.0.address.to_string()
    }
}
