//! A configuration value that knows where it was written.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Faults;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of a file; the built-in defaults have a name too.
    Line { file: String, line: usize },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

impl Node {
    /// A section that nobody wrote.
    pub(crate) fn empty() -> Self {
        Self::unwritten(Value::Table(Table::new()))
    }

    /// A value that nobody wrote.
    pub(crate) fn unwritten(value: Value) -> Self {
        let origin = Origin::Variable(String::new());
        Self { origin, value }
    }
}

pub(crate) type Table = BTreeMap<String, Node>;

#[derive(Debug, Clone)]
pub(crate) enum Value {
    String(String),
    Integer(i64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
    /// What no key takes.
    Other(&'static str),
}

impl Value {
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }
}

/// Reads a file's text. What cannot be read is a fault; the rest is still looked at.
pub(crate) fn parse(text: &str, file: &str, faults: &mut Faults) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    let source = Source { text, file };
    for error in errors {
        let start = error.span().map_or(0, |span| span.start);
        faults.push(source.origin(start).to_string(), "", error.message());
    }
    source.table(table.get_ref())
}

struct Source<'a> {
    text: &'a str,
    file: &'a str,
}

impl Source<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        Origin::Line {
            file: self.file.to_owned(),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &Spanned<toml::de::DeString<'_>> = key;
            let node = Node {
                origin: self.origin(key.span().start),
                value: self.value(value.get_ref()),
            };
            (key.get_ref().to_string(), node)
        };
        table.iter().map(entry).collect()
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("a number that is too large"), Value::Integer),
            DeValue::Float(_) => Value::Other("a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| Node {
                        origin: self.origin(item.span().start),
                        value: self.value(item.get_ref()),
                    })
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(table)),
        }
    }
}
