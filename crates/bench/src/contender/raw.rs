//! The limit of a broadcast: one thread that calls `send()` for one socket after the other with bytes that are ready.

use std::io::{BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use super::{Publisher, temporary_file};
use crate::Result;
use crate::process::Part;
use crate::writer::now_us;

/// An event of the gateway, in which only the number changes.
#[derive(Debug, Clone)]
pub(crate) struct Template(String);

impl Template {
    /// Where the number goes, as wide as one.
    const NUMBER: &str = "##########";

    /// From a block of the gateway's stream.
    pub(crate) fn of(block: &[u8]) -> Result<Self> {
        let block = String::from_utf8_lossy(block);
        let data = block.split("data: ").nth(1).ok_or("a block without data")?;
        let id = data.split('"').nth(3).ok_or("an event without id")?;
        let event = block.split("event: ").nth(1).and_then(|rest| rest.lines().next());
        let data = data.replacen(id, &format!("limit-{}", Self::NUMBER), 1);
        let event = event.ok_or("a block without a type")?;
        let number = Self::NUMBER;
        Ok(Self(format!("id: limit-{number}\nevent: {event}\ndata: {data}\n\n")))
    }

    /// As [`Template::from_text`] takes it.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// From [`Template::text`].
    pub(super) fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The whole block.
    pub(crate) fn block(&self, number: u64) -> Vec<u8> {
        self.0.replace(Self::NUMBER, &format!("{number:010}")).into_bytes()
    }

    /// The data alone.
    pub(crate) fn data(&self, number: u64) -> Vec<u8> {
        let data = self.0.split("data: ").nth(1).unwrap_or_default().trim_end();
        data.replace(Self::NUMBER, &format!("{number:010}")).into_bytes()
    }

    /// How many bytes a block has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The sender.
#[derive(Debug)]
pub(crate) struct Raw {
    part: Part,
    address: String,
    file: PathBuf,
}

impl Raw {
    /// Starts one that waits for so many subscribers.
    pub(crate) fn start(template: &Template, subscribers: usize) -> Result<Self> {
        let file = temporary_file("frame.txt");
        std::fs::write(&file, &template.0)?;
        let mut part = Part::start(&["raw-send", &file.to_string_lossy(), &subscribers.to_string()])?;
        let address = part.hear()?;
        Ok(Self { part, address, file })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A file that stays behind in the temporary folder harms nobody.
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Publisher for Raw {
    fn name(&self) -> &'static str {
        "one thread of send()"
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn path(&self) -> String {
        "/".to_owned()
    }

    fn publish(&mut self, events: usize) -> Result<()> {
        self.part.tell(&events.to_string())
    }

    fn published_at(&mut self) -> Result<i64> {
        Ok(self.part.hear()?.parse()?)
    }

    fn pid(&self) -> u32 {
        self.part.pid()
    }
}

/// What [`Raw`] runs.
pub(crate) fn serve(file: &Path, subscribers: usize) -> Result<()> {
    let template = Template(std::fs::read_to_string(file)?);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    let mut sockets = let_in(&listener, subscribers)?;
    let mut number = 0;
    for line in std::io::stdin().lock().lines() {
        let blocks: Vec<Vec<u8>> = (0..line?.parse::<u64>()?)
            .map(|more| template.block(number + more))
            .collect();
        number += blocks.len() as u64;
        println!("{}", now_us());
        for block in &blocks {
            for socket in &mut sockets {
                socket.write_all(block)?;
            }
        }
    }
    Ok(())
}

/// Waits for so many subscribers, and tells each that its stream begins.
pub(super) fn let_in(listener: &TcpListener, subscribers: usize) -> Result<Vec<TcpStream>> {
    let mut sockets = Vec::with_capacity(subscribers);
    for _ in 0..subscribers {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        read_head(&mut socket)?;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn read_head(socket: &mut TcpStream) -> Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read(&mut piece)? {
            0 => return Err("a subscriber went away".into()),
            length => head.extend_from_slice(&piece[..length]),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_keeps_all_but_the_number() {
        let block = b"id: 1f0c-7\nevent: deployment.updated\ndata: {\"id\":\"1f0c-7\",\"type\":\"deployment.updated\"}";
        let template = Template::of(block).unwrap();
        assert_eq!(
            String::from_utf8(template.block(12)).unwrap(),
            "id: limit-0000000012\nevent: deployment.updated\n\
             data: {\"id\":\"limit-0000000012\",\"type\":\"deployment.updated\"}\n\n"
        );
        assert_eq!(
            template.data(3),
            b"{\"id\":\"limit-0000000003\",\"type\":\"deployment.updated\"}"
        );
    }
}
