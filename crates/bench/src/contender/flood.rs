//! The limit of catching up: one thread that sends everybody as many bytes as were missed, from memory.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::raw::{Template, let_in};
use super::temporary_file;
use crate::Result;
use crate::process::Part;

/// How much one subscriber is sent before the next has its turn, as the gateway does it.
const PIECE: usize = 256 * 1024;

/// The sender.
#[derive(Debug)]
pub(crate) struct Flood {
    _part: Part,
    pub(crate) address: String,
    file: PathBuf,
}

impl Flood {
    /// Starts one that sends so many events to each of so many subscribers, once all are there.
    pub(crate) fn start(template: &Template, subscribers: usize, events: usize) -> Result<Self> {
        let file = temporary_file("flood.txt");
        std::fs::write(&file, template.text())?;
        let (text, subscribers, events) = (file.to_string_lossy(), subscribers.to_string(), events.to_string());
        let mut part = Part::start(&["flood", &text, &subscribers, &events])?;
        let address = part.hear()?;
        Ok(Self {
            _part: part,
            address,
            file,
        })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // A file that stays behind in the temporary folder harms nobody.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// What [`Flood`] runs.
pub(crate) fn serve(file: &Path, subscribers: usize, events: u64) -> Result<()> {
    let template = Template::from_text(std::fs::read_to_string(file)?);
    let all: Vec<u8> = (1..=events).flat_map(|number| template.block(number)).collect();
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    let mut sockets = let_in(&listener, subscribers)?;
    for piece in all.chunks(PIECE) {
        for socket in &mut sockets {
            socket.write_all(piece)?;
        }
    }
    // Whoever started it ends it.
    for _ in std::io::stdin().lines() {}
    Ok(())
}
