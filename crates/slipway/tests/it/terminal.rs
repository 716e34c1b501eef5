//! The client in a terminal: how wide it is, colours, a question, and a bar that moves.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::harness::{PATIENCE, command};
use crate::script::{APPLICATION, Asked, DEPLOYMENT, Said, Script, application, deployment, event, list};

/// A program in a terminal of its own. Killed with the test.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: mpsc::Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn open(mut command: Command, columns: u16) -> Self {
        let (mut ours, mut theirs) = (0, 0);
        let size = libc::winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: all pointers are to values that live through the call, or null where that is allowed.
        let opened = unsafe {
            libc::openpty(
                &raw mut ours,
                &raw mut theirs,
                std::ptr::null_mut(),
                std::ptr::null(),
                &raw const size,
            )
        };
        assert_eq!(opened, 0);
        // SAFETY: both were just opened and nobody else has them.
        let (ours, theirs) = unsafe { (File::from_raw_fd(ours), File::from_raw_fd(theirs)) };
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.stdin(Stdio::from(theirs.try_clone().unwrap()));
        command
            .stdout(Stdio::from(theirs.try_clone().unwrap()))
            .stderr(Stdio::from(theirs));
        // SAFETY: between fork and exec only two system calls are made, which touch no memory.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // The command holds the terminal's other end; with it gone, reading ends when the program does.
        drop(command);
        let (sender, screen) = mpsc::channel();
        let mut reader = ours.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut part) {
                if sender.send(part[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keyboard: ours,
            screen,
            shown: String::new(),
        }
    }

    fn wait_for(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let part = self.screen.recv_timeout(PATIENCE);
            let part = part.unwrap_or_else(|error| panic!("{error} before `{text}`: {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&part));
        }
    }

    fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Exit code and all that was shown.
    fn end(mut self) -> (i32, String) {
        while let Ok(part) = self.screen.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&part));
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), std::mem::take(&mut self.shown))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn slipway(script: &Script, arguments: &[&str]) -> Command {
    let mut asked = command(arguments);
    asked
        .env("SLIPWAY_URL", &script.url)
        .env("SLIPWAY_TOKEN", "a-token")
        .env("HOME", "/nowhere");
    asked.env_remove("XDG_CONFIG_HOME");
    asked
}

fn shop() -> serde_json::Value {
    application(APPLICATION, "a-shop-with-a-long-name", None)
}

fn answer(asked: &Asked, before: usize) -> Said {
    let path = asked.path.split('?').next().unwrap();
    let running = deployment("in_progress", false, 1);
    match (asked.method.as_str(), path.trim_start_matches("/api/v1/")) {
        ("POST", _) => Said::Json(202, "", running),
        (_, "deployments") => Said::Json(200, "", list(&[running])),
        (_, "applications") => Said::Json(200, "", list(&[shop()])),
        (_, "board") => {
            let item = |environment| {
                let shop = application(APPLICATION, "a-shop-with-a-long-name", Some(environment));
                serde_json::json!({"application": shop, "last_deployment": running, "live_deployment": null})
            };
            Said::Json(200, "", list(&["production", "staging", "review"].map(item)))
        }
        (_, "events") => Said::Json(200, "", serde_json::json!({"items": [], "next_cursor": "e1-1"})),
        (_, "events/stream") if before == 0 => Said::Stream("retry: 1500\nid: e1-1\n\n".to_owned()),
        (_, "events/stream") => {
            Said::OpenStream(event("e1-2", "deployment.finished", &deployment("succeeded", true, 2)))
        }
        (_, path) if path.ends_with("/deployments") => {
            let usual = [60_000, 10_000, 20_000].map(|took| {
                let mut item = deployment("succeeded", true, 1);
                item["duration_ms"] = took.into();
                item
            });
            Said::Json(200, "", list(&usual))
        }
        (_, path) if path.starts_with("applications/") => Said::Json(200, "", shop()),
        _ => Said::Json(200, "", running),
    }
}

fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        let after = &rest[at..];
        rest = after
            .find(|letter: char| letter.is_ascii_alphabetic())
            .map_or("", |end| &after[end + 1..]);
    }
    plain + rest
}

#[test]
fn a_table_fits_and_has_colours_unless_they_are_not_wanted() {
    let script = Script::new(answer);
    for columns in [132, 80, 50, 30] {
        let (code, shown) = Terminal::open(slipway(&script, &["list"]), columns).end();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("\u{1b}[34min_progress\u{1b}[0m"), "{shown:?}");
        let shown = plain(&shown);
        assert!(
            shown
                .lines()
                .all(|line| line.trim_end().chars().count() <= usize::from(columns)),
            "{columns}: {shown}"
        );
        assert!(shown.starts_with("STATUS"), "{shown}");
        assert_eq!(shown.contains(DEPLOYMENT), columns >= 80, "{shown}");
    }
    for arguments in [["apps"].as_slice(), &["board"], &["get", DEPLOYMENT]] {
        for columns in [200, 80, 30] {
            let (code, shown) = Terminal::open(slipway(&script, arguments), columns).end();
            assert_eq!(code, 0, "{arguments:?}: {shown}");
            let shown = plain(&shown);
            let widest = shown.lines().map(|line| line.trim_end().chars().count()).max();
            assert!(
                widest <= Some(usize::from(columns)),
                "{arguments:?} in {columns}: {shown}"
            );
            assert!(shown.contains("a-shop"), "{arguments:?} in {columns}: {shown}");
        }
    }
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut asked = slipway(&script, &["list"]);
        asked.arg("--color=auto");
        let mut shell = Command::new("env");
        // Set by a program in between, because a terminal sets both itself.
        shell
            .arg(format!("{name}={value}"))
            .arg(asked.get_program())
            .args(asked.get_args());
        shell.envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let (_, shown) = Terminal::open(shell, 80).end();
        assert!(
            shown.contains("in_progress") && !shown.contains('\u{1b}'),
            "{name}: {shown:?}"
        );
    }
}

#[test]
fn a_change_waits_for_a_yes() {
    let script = Script::new(answer);
    for (typed, code, writes) in [
        ("\r", 1, 0),
        ("no\r", 1, 0),
        ("\u{4}", 1, 0),
        ("y\r", 0, 1),
        ("YES\r", 0, 2),
    ] {
        let mut terminal = Terminal::open(slipway(&script, &["cancel", DEPLOYMENT]), 100);
        terminal.wait_for("[y/N]");
        assert!(
            terminal
                .shown
                .contains("Stop this deployment (a-shop-with-a-long-name, 01234567, in_progress"),
            "{}",
            terminal.shown
        );
        terminal.type_in(typed);
        let (told, shown) = terminal.end();
        assert_eq!((told, script.writes().len()), (code, writes), "{typed:?}: {shown}");
        assert_eq!(shown.contains("nothing was done"), code == 1, "{shown}");
    }
}

#[test]
fn a_bar_runs_against_the_usual_time_and_goes_away() {
    let script = Script::new(answer);
    let mut terminal = Terminal::open(slipway(&script, &["wait", DEPLOYMENT, "--timeout", "60s"]), 120);
    // The deployment began long ago: the median of 10, 20 and 60 seconds is over.
    terminal.wait_for("longer than the usual 20s");
    terminal.wait_for("trying again");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert!(
        plain(&shown).contains("a-shop-with-a-long-name: in_progress"),
        "{shown:?}"
    );
    let last = plain(shown.lines().last().unwrap());
    assert!(
        last.contains("succeeded  a-shop-with-a-long-name  01234567"),
        "{last:?}"
    );
}
