//! Server-sent events, read by hand after the standard, with everything that real clients would hide.

use std::collections::VecDeque;
use std::time::Duration;

use slipway_api::EventView;

/// One block of the stream: lines up to a blank one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The last `id:` line.
    pub id: Option<String>,
    /// The last `event:` line.
    pub event: Option<String>,
    /// All `data:` lines, joined.
    pub data: Option<String>,
    /// The `retry:` line, in milliseconds.
    pub retry: Option<u64>,
    /// Comment lines without their colon.
    pub comments: Vec<String>,
    /// The block as it came.
    pub raw: String,
}

impl Block {
    /// The event in it, control frames included; none in a block without data.
    ///
    /// # Panics
    /// When the data is no event.
    pub fn view(&self) -> Option<EventView> {
        let data = self.data.as_ref()?;
        Some(serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
    }

    /// Whether it is an event of the log, which has an id and data.
    pub fn is_durable(&self) -> bool {
        self.id.is_some() && self.data.is_some()
    }
}

/// Turns bytes into blocks.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_carriage_return: bool,
    block: Block,
}

impl Parser {
    /// Takes some bytes and returns the blocks that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Block> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let follows = std::mem::replace(&mut self.after_carriage_return, byte == b'\r');
            match byte {
                b'\n' if follows => {}
                b'\n' | b'\r' => complete.extend(self.end_line()),
                byte => self.line.push(byte),
            }
        }
        complete
    }

    fn end_line(&mut self) -> Option<Block> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8(bytes).expect("a stream is UTF-8");
        if line.is_empty() {
            return (!self.block.raw.is_empty()).then(|| std::mem::take(&mut self.block));
        }
        let block = &mut self.block;
        block.raw.push_str(&line);
        block.raw.push('\n');
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "" => block.comments.push(value),
            "id" => block.id = Some(value),
            "event" => block.event = Some(value),
            "retry" => block.retry = value.parse().ok(),
            "data" => match &mut block.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&value);
                }
                None => block.data = Some(value),
            },
            _ => {}
        }
        None
    }
}

/// An open stream. Dropping it cuts the connection.
#[derive(Debug)]
pub struct Stream {
    response: reqwest::Response,
    parser: Parser,
    ready: VecDeque<Block>,
}

impl Stream {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            parser: Parser::default(),
            ready: VecDeque::new(),
        }
    }

    /// The next block; none at the end of the stream, which a broken connection is too.
    pub async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                return Some(block);
            }
            let bytes = self.response.chunk().await.ok().flatten()?;
            self.ready.extend(self.parser.push(&bytes));
        }
    }

    /// The next event of the log within the bound; control frames and id blocks are passed over.
    pub async fn next_event(&mut self, bound: Duration) -> Option<(String, EventView)> {
        let next = async {
            loop {
                let block = self.next().await?;
                assert_ne!(
                    block.event.as_deref(),
                    Some("reset"),
                    "nothing is lost here: {}",
                    block.raw
                );
                if let (true, Some(view)) = (block.is_durable(), block.view()) {
                    assert_eq!(block.id, view.id, "the id of the block and that of the event");
                    assert_eq!(block.event.as_deref(), Some(view.r#type.as_str()));
                    return block.id.map(|id| (id, view));
                }
            }
        };
        tokio::time::timeout(bound, next).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_however_they_are_cut() {
        let text = ": hello\nretry: 5\nid: 1-1\nevent: a\ndata: x\ndata:y\r\n\r\nid: 1-2\n\n\n\ndata: half";
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let blocks: Vec<_> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|part| parser.push(part))
                .collect();
            let [first, second] = blocks.as_slice() else {
                panic!("two blocks: {blocks:?}");
            };
            assert_eq!(first.comments, ["hello"]);
            assert_eq!(
                (first.retry, first.id.as_deref(), first.event.as_deref()),
                (Some(5), Some("1-1"), Some("a"))
            );
            assert_eq!(first.data.as_deref(), Some("x\ny"));
            assert!(first.is_durable() && !second.is_durable());
            assert_eq!((second.id.as_deref(), second.raw.as_str()), (Some("1-2"), "id: 1-2\n"));
        }
    }
}
