//! The text that Prometheus reads: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::fmt::{Display, Write};

use slipway_provider_http::DurationCounts;

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics as they are written.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

/// One metric. Every metric stands in the text, also one without a sample.
#[derive(Debug)]
pub(crate) struct Metric<'a> {
    out: &'a mut String,
    name: &'static str,
}

impl Text {
    /// Something that only grows while the process lives.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.metric(name, "counter", help)
    }

    /// Something that is as it is now.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.metric(name, "gauge", help)
    }

    /// Something that is counted in buckets.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.metric(name, "histogram", help)
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn metric(&mut self, name: &'static str, kind: &str, help: &str) -> Metric<'_> {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a String cannot fail; so below.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Metric { out: &mut self.0, name }
    }
}

impl Metric<'_> {
    /// A sample with these labels.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.line("", labels, None, value)
    }

    /// A sample, if its value is known.
    pub(crate) fn sample_if_known(&mut self, labels: &[(&str, &str)], value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.sample(labels, value),
            None => self,
        }
    }

    /// The samples of a histogram.
    pub(crate) fn buckets(&mut self, labels: &[(&str, &str)], counts: &DurationCounts) -> &mut Self {
        for (end, count) in &counts.up_to {
            self.line("_bucket", labels, Some(&end.to_string()), count);
        }
        self.line("_bucket", labels, Some("+Inf"), counts.count);
        self.line("_sum", labels, None, counts.sum_seconds);
        self.line("_count", labels, None, counts.count)
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], end: Option<&str>, value: impl Display) -> &mut Self {
        let out = &mut *self.out;
        let _ = write!(out, "{}{suffix}", self.name);
        let all = labels.iter().copied().chain(end.map(|end| ("le", end)));
        let mut separator = '{';
        for (name, text) in all {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(out, "{separator}{name}=\"{text}\"");
            separator = ',';
        }
        if separator == ',' {
            out.push('}');
        }
        let _ = writeln!(out, " {value}");
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slipway_provider_http::Durations;

    use super::*;

    #[test]
    fn samples_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.counter("a_total", "Of \\ two\nlines.")
            .sample(&[], 1)
            .sample(&[("name", "with \"quotes\", \\ and\nlines"), ("b", "c")], 0.5);
        text.gauge("empty", "Without any.").sample_if_known(&[], None::<u8>);
        let durations = Durations::default();
        durations.note(Duration::from_millis(20));
        text.histogram("took_seconds", "How long.")
            .buckets(&[("of", "x")], &durations.counts());
        let text = text.finish();
        assert!(
            text.starts_with(concat!(
                "# HELP a_total Of \\\\ two\\nlines.\n# TYPE a_total counter\na_total 1\n",
                "a_total{name=\"with \\\"quotes\\\", \\\\ and\\nlines\",b=\"c\"} 0.5\n",
                "# HELP empty Without any.\n# TYPE empty gauge\n",
                "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n",
                "took_seconds_bucket{of=\"x\",le=\"0.001\"} 0\n",
            )),
            "{text}"
        );
        assert!(
            text.ends_with(concat!(
                "took_seconds_bucket{of=\"x\",le=\"30\"} 1\ntook_seconds_bucket{of=\"x\",le=\"+Inf\"} 1\n",
                "took_seconds_sum{of=\"x\"} 0.02\ntook_seconds_count{of=\"x\"} 1\n",
            )),
            "{text}"
        );
    }
}
