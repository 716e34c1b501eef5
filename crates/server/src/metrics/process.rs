//! What the system says of this process, under the names that every Prometheus client uses. Linux tells; others do not.

use std::fs;

use super::text::Text;

/// In which unit Linux tells times of processes: hundredths of a second, on every machine that Rust's standard library is
/// built for (`USER_HZ`, <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) fn write(text: &mut Text) {
    let status = read("/proc/self/status");
    let stat = read("/proc/self/stat");
    // The name of the program, in parentheses, may hold anything: what is counted stands after it.
    let stat: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| Some(stat.get(place)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    text.counter(
        "process_cpu_seconds_total",
        "Time that the process has spent on processors.",
    )
    .sample_if_known(&[], ticks(11).zip(ticks(12)).map(|(user, system)| user + system));
    text.gauge(
        "process_start_time_seconds",
        "When the process was started, as Unix time.",
    )
    .sample_if_known(&[], booted_at().zip(ticks(19)).map(|(boot, after)| boot + after));
    text.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.")
        .sample_if_known(&[], kilobytes(&status, "VmRSS:"));
    text.gauge("process_virtual_memory_bytes", "Memory that the process has asked for.")
        .sample_if_known(&[], kilobytes(&status, "VmSize:"));
    text.gauge("process_threads", "Threads of the process.")
        .sample_if_known(&[], word::<u64>(&status, "Threads:"));
    // The one that reads the folder is not ours.
    let open = fs::read_dir("/proc/self/fd")
        .map(|entries| entries.count().saturating_sub(1))
        .ok();
    text.gauge("process_open_fds", "Open files and connections.")
        .sample_if_known(&[], open);
    text.gauge("process_max_fds", "How many files and connections may be open.")
        .sample_if_known(&[], word::<u64>(&read("/proc/self/limits"), "Max open files"));
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn booted_at() -> Option<f64> {
    word(&read("/proc/stat"), "btime")
}

/// The number after a name at the beginning of a line.
fn word<T: std::str::FromStr>(text: &str, name: &str) -> Option<T> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    Some(word::<u64>(text, name)? * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_all_of_it() {
        let mut text = Text::default();
        write(&mut text);
        let text = text.finish();
        let value =
            |name: &str| -> f64 { word(&text, &format!("{name} ")).unwrap_or_else(|| panic!("{name}: {text}")) };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") > value("process_open_fds"));
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_secs_f64();
        assert!((0.0..3600.0 * 24.0).contains(&(now - value("process_start_time_seconds"))));
        assert!(value("process_cpu_seconds_total") >= 0.0 && value("process_threads") >= 1.0);
    }
}
