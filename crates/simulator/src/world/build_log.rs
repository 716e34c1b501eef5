//! The text that a deployment prints: phases of a build pack, ANSI colours, and now and then a secret that slipped in.

use time::{Duration, OffsetDateTime};

use super::application::Application;
use super::deployment::Record;
use super::scenario::Phase;
use crate::dice::Dice;

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[33m";
const RESET: &str = "\u{1b}[0m";

const PACKAGES: [&str; 16] = [
    "json 2.9.1",
    "rack 3.1.8",
    "puma 6.5.0",
    "pg 1.5.9",
    "redis 5.3.0",
    "sidekiq 7.3.7",
    "nokogiri 1.18.1",
    "rails 8.0.1",
    "builder 3.3.0",
    "zeitwerk 2.7.1",
    "bootsnap 1.18.4",
    "oj 3.16.9",
    "i18n 1.14.6",
    "mail 2.8.1",
    "thor 1.3.2",
    "tzinfo 2.0.6",
];

/// Every line of a deployment with the moment at which it appears, in order, up to its end.
pub(crate) fn lines(seed: u64, record: &Record, application: &Application) -> Vec<(OffsetDateTime, String)> {
    let phases = record.phases(seed);
    let mut dice = Dice::new(seed, "log", record.number);
    let mut lines = Vec::new();
    for (position, (begin, phase)) in phases.iter().enumerate() {
        let end = phases.get(position + 1).map_or(*begin, |(at, _)| *at);
        let texts = texts(*phase, seed, record, application, &mut dice);
        let step = (end - *begin).whole_milliseconds() as i64 / (texts.len().max(1) as i64);
        for (index, text) in texts.into_iter().enumerate() {
            lines.push((*begin + Duration::milliseconds(step * index as i64), text));
        }
    }
    lines
}

fn texts(phase: Phase, seed: u64, record: &Record, application: &Application, dice: &mut Dice) -> Vec<String> {
    let name = &application.name;
    match phase {
        Phase::Queued => Vec::new(),
        Phase::Building => {
            let sha = record.sha(seed);
            let mut texts = vec![
                format!("-----> Fetching source {}", &sha[..8]),
                "-----> Buildpack version 1.2.0".to_owned(),
                format!("{GREEN}----->{RESET} Compiling Ruby/Rails"),
                "-----> Using Ruby version: ruby-3.4.1".to_owned(),
                "-----> Installing dependencies using 2.6.2".to_owned(),
                "       Running: bundle install --without development:test -j4 --deployment".to_owned(),
            ];
            let count = dice.between(5, 14);
            texts.extend((0..count).map(|_| format!("       Using {}", dice.pick(&PACKAGES))));
            if dice.percent(30) {
                texts.push(secret(dice));
            }
            if dice.percent(15) {
                texts.push(format!("{YELLOW}       warning: peer dependency «é» not met 🚢{RESET}"));
            }
            texts.push(format!(
                "       Bundle completed ({}.{:02}s)",
                dice.between(2, 19),
                dice.between(0, 99)
            ));
            texts.push("-----> Preparing app for Rails asset pipeline".to_owned());
            texts
        }
        Phase::Pushing => vec![
            " Build complete, shipping your container...".to_owned(),
            format!("       Pushing image registry.harbour.example/{name}:{}", record.number),
            format!("       {} MiB uploaded", dice.between(80, 900)),
        ],
        Phase::Starting => vec![
            " Waiting for your application to boot...".to_owned(),
            "----- Procfile declares types -> web".to_owned(),
            format!("       [web-1] Listening on 0.0.0.0:{}", dice.between(20_000, 40_000)),
        ],
        Phase::Success => vec![format!(" {GREEN}<-- https://{name}.harbour.example -->{RESET}")],
        Phase::BuildError | Phase::Failed => vec![
            format!("{RED} !     An error occurred during buildpack compilation{RESET}"),
            format!("{RED} !     exit status 1{RESET}"),
        ],
        Phase::CrashedError => vec![
            "       [web-1] LoadError: cannot load such file -- config/secrets".to_owned(),
            format!("{RED} !     Error deploying the application: the container crashed{RESET}"),
        ],
        Phase::TimeoutError => vec![format!(
            "{RED} !     The application did not answer in time (timeout){RESET}"
        )],
        Phase::HookError => vec![
            "       Executing postdeploy hook: bin/rails db:migrate".to_owned(),
            format!("{RED} !     postdeploy hook exited with status 1, the previous version keeps running{RESET}"),
        ],
        Phase::Aborted => vec![format!("{YELLOW} !     Deployment aborted{RESET}")],
        Phase::Cancelled => vec![format!("{YELLOW} !     Deployment cancelled{RESET}")],
    }
}

/// Text that only looks like a secret, so that masking can be tested.
fn secret(dice: &mut Dice) -> String {
    match dice.between(0, 3) {
        0 => format!("       SCALINGO_API_TOKEN=tk-us-{}", dice.word(48)),
        1 => format!(
            "       DATABASE_URL=postgres://app:{}@db.harbour.example:5432/app",
            dice.word(20)
        ),
        2 => format!(
            "       Authorization: Bearer {}.{}.{}",
            dice.word(36),
            dice.word(60),
            dice.word(43)
        ),
        _ => format!("       AWS_ACCESS_KEY_ID=AKIA{}", dice.word(16).to_uppercase()),
    }
}
