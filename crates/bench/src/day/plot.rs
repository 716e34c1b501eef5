//! The day as a picture: what was asked, and how long changes took, hour by hour. Plain SVG that follows the reader's theme.

use std::fmt::Write;

use slipway_simulator::Provider;

use super::{Day, Kind, Lag, SAMPLE_EVERY};
use crate::report::percentile;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 744.0;
/// Top and bottom of the two parts.
const CALLS: (f64, f64) = (44.0, 170.0);
const LAGS: (f64, f64) = (230.0, 370.0);

const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .axis { stroke: #8c959f; stroke-width: 1 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .feeds { fill: #9ec1f7 } .status { fill: #1f6feb } .logs { fill: #e09b24 }
  .streamed { stroke: #1a7f37; fill: #1a7f37 } .cloud66 { stroke: #8250df; fill: #8250df }
  .scalingo { stroke: #cf4a1c; fill: #cf4a1c }
  polyline { fill: none !important; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis { stroke: #6e7681 } .grid { stroke: #30363d }
    .feeds { fill: #26466f } .status { fill: #58a6ff } .logs { fill: #e3b341 }
    .streamed { stroke: #3fb950; fill: #3fb950 } .cloud66 { stroke: #bc8cff; fill: #bc8cff }
    .scalingo { stroke: #ff8a5c; fill: #ff8a5c }
  }";

/// The picture.
pub(crate) fn draw(day: &Day) -> String {
    let hours = day.samples.len() as f64 * SAMPLE_EVERY.as_secs_f64() / 3_600.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 412\" role=\"img\" \
         aria-label=\"Calls of providers and lag of changes over a simulated day\">\n<style>{STYLE}\n</style>\n"
    );
    calls(&mut svg, day, hours);
    lags(&mut svg, day, hours);
    svg.push_str("</svg>\n");
    svg
}

fn x(hour: f64, hours: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * hour / hours.max(0.01)
}

/// Where a value lies between the bottom and the top of a part.
fn y(value: f64, highest: f64, (top, bottom): (f64, f64)) -> f64 {
    bottom - (bottom - top) * (value / highest).min(1.0)
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

/// Lines, figures at the left, hours below.
fn frame(svg: &mut String, part: (f64, f64), highest: f64, hours: f64) {
    for quarter in 0..=4 {
        let value = highest * f64::from(quarter) / 4.0;
        let at = y(value, highest, part);
        let class = if quarter == 0 { "axis" } else { "grid" };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        );
        text(svg, (LEFT - 6.0, at + 4.0), "end", &format!("{value:.0}"));
    }
    let every = (hours / 8.0).ceil().max(1.0);
    let mut hour = 0.0;
    while hour <= hours {
        text(svg, (x(hour, hours), part.1 + 16.0), "middle", &format!("{hour:.0} h"));
        hour += every;
    }
}

/// A round number above this one.
fn above(value: f64) -> f64 {
    let step = 10_f64.powf(value.max(1.0).log10().floor()) / 2.0;
    (value / step).ceil() * step
}

fn legend(svg: &mut String, at: f64, title: &str, entries: &[(&str, String)]) {
    text(svg, (LEFT, at), "start", title);
    let mut right = RIGHT;
    for (class, name) in entries.iter().rev() {
        text(svg, (right, at), "end", name);
        right -= 7.0 * name.len() as f64;
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\"/>",
            right - 14.0,
            at - 9.0
        );
        right -= 28.0;
    }
}

fn calls(svg: &mut String, day: &Day, hours: f64) {
    let minutes = SAMPLE_EVERY.as_secs_f64() / 60.0;
    let rate = |sample: &super::Counts, kind| sample.of_kind(kind) as f64 / minutes;
    let all = day
        .samples
        .iter()
        .map(|sample| Kind::ALL.map(|kind| rate(sample, kind)).iter().sum());
    let highest = above(all.fold(1.0, f64::max));
    legend(
        svg,
        CALLS.0 - 18.0,
        "Calls a minute, all accounts",
        &Kind::ALL.map(|kind| (kind.name(), kind.name().to_owned())),
    );
    frame(svg, CALLS, highest, hours);
    let width = (RIGHT - LEFT) / day.samples.len().max(1) as f64;
    for (position, sample) in day.samples.iter().enumerate() {
        let mut below = 0.0;
        // What grows with the changes stands at the bottom, where it can be compared.
        for kind in [Kind::Status, Kind::Log, Kind::Feed] {
            let value = rate(sample, kind);
            let (bottom, top) = (y(below, highest, CALLS), y(below + value, highest, CALLS));
            let _ = writeln!(
                svg,
                "<rect class=\"{}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                kind.name(),
                LEFT + width * position as f64,
                width * 0.9,
                bottom - top
            );
            below += value;
        }
    }
}

fn lags(svg: &mut String, day: &Day, hours: f64) {
    type Fits = fn(&Lag, bool) -> bool;
    let lines: [(&str, &str, Fits); 3] = [
        ("cloud66", "polled, Cloud 66", |lag, is_streamed| {
            !is_streamed && lag.provider == Provider::Cloud66
        }),
        ("scalingo", "polled, Scalingo", |lag, is_streamed| {
            !is_streamed && lag.provider == Provider::Scalingo
        }),
        ("streamed", "streamed", |_, is_streamed| is_streamed),
    ];
    let series = lines.map(|(_, _, fits)| {
        let in_hour = |hour: usize| {
            let from = day.from + time::Duration::hours(hour as i64);
            let seen = day
                .lags
                .iter()
                .filter(|lag| lag.at >= from && lag.at < from + time::Duration::HOUR);
            let lags: Vec<f64> = seen
                .filter_map(|lag| lag.seen.filter(|(_, is_streamed)| fits(lag, *is_streamed)))
                .map(|(seconds, _)| seconds)
                .collect();
            (!lags.is_empty()).then(|| percentile(&lags, 0.95))
        };
        (0..hours.ceil() as usize).map(in_hour).collect::<Vec<_>>()
    });
    let highest = above(series.iter().flatten().flatten().copied().fold(1.0, f64::max));
    let entries = lines.map(|(class, name, _)| (class, name.to_owned()));
    legend(svg, LAGS.0 - 18.0, "Seconds until a change is committed, p95", &entries);
    frame(svg, LAGS, highest, hours);
    for ((class, ..), series) in lines.iter().zip(series) {
        let mut points = String::new();
        for (hour, value) in series.iter().enumerate() {
            if let Some(value) = value {
                let at = (hour as f64 + 0.5).min(hours);
                let _ = write!(points, "{:.1},{:.1} ", x(at, hours), y(*value, highest, LAGS));
            }
        }
        let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", points.trim_end());
    }
}
