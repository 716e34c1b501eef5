//! Fields of spans as JSON, written down once.
//!
//! `tracing_subscriber`'s own way parses and writes all fields of a span again whenever one is added, which every request
//! does twice, mostly for no line at all. Here a field that is added is appended. One that is recorded twice stands there
//! twice, and the formatter of lines, which parses this text, takes the last.

use std::fmt;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

/// Writes the fields of a span as one JSON object.
#[derive(Debug)]
pub(super) struct Members;

impl<'writer> FormatFields<'writer> for Members {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut object = Object::begin(&mut writer)?;
        fields.record(&mut object);
        object.end()
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        // The closing brace goes and comes back.
        let has_members = current.fields.len() > 2;
        match current.fields.pop() {
            None => current.fields.push('{'),
            Some(_) if has_members => {}
            Some(_) => current.fields.truncate(1),
        }
        let mut object = Object {
            out: &mut current.fields,
            has_members,
            outcome: Ok(()),
        };
        fields.record(&mut object);
        object.end()
    }
}

/// A JSON object on its way.
struct Object<'a> {
    out: &'a mut dyn fmt::Write,
    has_members: bool,
    outcome: fmt::Result,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut dyn fmt::Write) -> Result<Self, fmt::Error> {
        out.write_char('{')?;
        Ok(Self {
            out,
            has_members: false,
            outcome: Ok(()),
        })
    }

    fn end(self) -> fmt::Result {
        self.outcome?;
        self.out.write_char('}')
    }

    fn add(&mut self, field: &Field, value: &impl Serialize) {
        if self.outcome.is_ok() {
            self.outcome = self.try_add(field.name(), value);
        }
    }

    fn try_add(&mut self, name: &str, value: &impl Serialize) -> fmt::Result {
        if std::mem::replace(&mut self.has_members, true) {
            self.out.write_char(',')?;
        }
        let mut to = Utf8(&mut *self.out);
        serde_json::to_writer(&mut to, name).map_err(|_| fmt::Error)?;
        to.0.write_char(':')?;
        serde_json::to_writer(&mut to, value).map_err(|_| fmt::Error)
    }
}

impl Visit for Object<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// Bytes that are text, as `serde_json` writes them.
struct Utf8<'a>(&'a mut dyn fmt::Write);

impl std::io::Write for Utf8<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
        self.0.write_str(text).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            std::io::Write::write(&mut *self.0.lock().expect("whole"), bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_has_the_fields_of_its_span_with_their_last_values() {
        let kept = Kept::default();
        let lines = super::super::json_lines().with_writer(kept.clone());
        let subscriber = tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), lines);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(
                "work",
                odd = "a \"quote\",\n\\ and {braces}",
                number = 7_u64,
                below = -7_i64,
                share = 0.5,
                is_so = true,
                shown = ?Some("x"),
                later = tracing::field::Empty,
                never = tracing::field::Empty,
            );
            span.record("later", 1);
            span.record("later", 2);
            let empty = tracing::info_span!(parent: &span, "empty", later = tracing::field::Empty);
            span.in_scope(|| tracing::info!("one"));
            empty.record("later", "now");
            empty.in_scope(|| tracing::info!("two"));
        });
        let text = String::from_utf8(kept.0.lock().expect("whole").clone()).expect("text");
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let expected = serde_json::json!({
            "name": "work", "odd": "a \"quote\",\n\\ and {braces}", "number": 7, "below": -7, "share": 0.5, "is_so": true,
            "shown": "Some(\"x\")", "later": 2,
        });
        assert_eq!(lines[0]["span"], expected);
        assert_eq!(lines[1]["span"], serde_json::json!({"name": "empty", "later": "now"}));
        assert_eq!(lines[1]["spans"][0], expected);
    }
}
