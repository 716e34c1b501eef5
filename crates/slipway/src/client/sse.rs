//! Server-sent events: bytes to blocks, after the standard.

/// Longer lines than any that a gateway sends: what sends more is none.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One block: lines up to a blank one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    /// None in a block that only moves the position.
    pub(crate) data: Option<String>,
    /// Milliseconds to wait before the next connection.
    pub(crate) retry: Option<u64>,
    is_begun: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    follows_return: bool,
    block: Block,
}

impl Parser {
    /// Takes some bytes and gives the blocks that they complete; none for what is no stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<Vec<Block>> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::replace(&mut self.follows_return, byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => complete.extend(self.end_line()),
                byte => self.line.push(byte),
            }
        }
        (self.line.len() <= LINE_BYTES_MAX).then_some(complete)
    }

    fn end_line(&mut self) -> Option<Block> {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        if line.is_empty() {
            return self.block.is_begun.then(|| std::mem::take(&mut self.block));
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let block = &mut self.block;
        match field {
            "id" if !value.contains('\0') => block.id = Some(value.to_owned()),
            "event" => block.event = Some(value.to_owned()),
            "retry" => block.retry = value.parse().ok(),
            "data" => match &mut block.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => block.data = Some(value.to_owned()),
            },
            // Comments, and what later releases may add.
            _ => return None,
        }
        block.is_begun = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_the_same_however_they_are_cut() {
        let text = ": hello\nretry: 5\nid: e1-1\nevent: a\ndata: x\ndata:y\r\n\r\nid: e1-2\n\n: alive\n\ndata: half";
        for size in 1..=text.len() {
            let mut parser = Parser::default();
            let blocks: Vec<Block> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|part| parser.push(part).unwrap())
                .collect();
            assert_eq!(blocks.len(), 2, "{blocks:?}");
            assert_eq!(blocks[0].id.as_deref(), Some("e1-1"));
            assert_eq!(
                (blocks[0].event.as_deref(), blocks[0].data.as_deref()),
                (Some("a"), Some("x\ny"))
            );
            assert_eq!(blocks[0].retry, Some(5));
            assert_eq!(
                (blocks[1].id.as_deref(), blocks[1].data.as_deref()),
                (Some("e1-2"), None)
            );
        }
    }
}
