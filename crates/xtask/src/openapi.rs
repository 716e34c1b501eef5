//! `cargo xtask openapi`: the contracts, as the code describes them, and what of the API's was promised.

use std::path::PathBuf;

use serde_json::Value;

use crate::breaking::breaks;
use crate::run::{Context, Failure, Result, cargo, output, root, say};

const CURRENT: &str = "openapi/slipway-v1.json";
const COMPAT: &str = "openapi/slipway-v1.compat.json";
/// Of a configuration file.
const CONFIGURATION: &str = "config/schema.json";
const RELEASED: &str = "openapi/released/v1.json";

/// Renews the committed documents, or only compares; either way nothing that was released may break.
pub(crate) fn run(check: bool) -> Result<()> {
    let current = print(&["openapi"])?;
    let compat = print(&["openapi", "--compat"])?;
    let configuration = print(&["config", "schema"])?;
    let mut outdated = Vec::new();
    for (name, fresh) in [(CURRENT, &current), (COMPAT, &compat), (CONFIGURATION, &configuration)] {
        if std::fs::read_to_string(path(name)).unwrap_or_default() == *fresh {
            say(&format!("{name} is up to date"));
        } else if check {
            outdated.push(name);
        } else {
            std::fs::write(path(name), fresh).context(format!("{name} cannot be written"))?;
            say(&format!("{name} is renewed"));
        }
    }
    let broken = compare_with_released(&current)?;
    if !outdated.is_empty() {
        let names = outdated.join(" and ");
        return Err(Failure(format!(
            "out of date: {names}; run `cargo xtask openapi` and commit it"
        )));
    }
    refuse(&broken)
}

/// Makes the present document the one that later ones must not break.
pub(crate) fn release(accept_breaks: bool) -> Result<()> {
    let current = print(&["openapi"])?;
    if std::fs::read_to_string(path(CURRENT)).unwrap_or_default() != current {
        return Err(Failure(format!(
            "{CURRENT} is out of date; run `cargo xtask openapi` first"
        )));
    }
    let broken = compare_with_released(&current)?;
    if accept_breaks {
        broken.iter().for_each(|sentence| say(&format!("accepted: {sentence}")));
    } else {
        refuse(&broken)?;
    }
    if let Some(folder) = path(RELEASED).parent() {
        std::fs::create_dir_all(folder).context(format!("{RELEASED} cannot be written"))?;
    }
    std::fs::write(path(RELEASED), current).context(format!("{RELEASED} cannot be written"))?;
    say(&format!("{RELEASED} is what {CURRENT} says now"));
    Ok(())
}

fn compare_with_released(current: &str) -> Result<Vec<String>> {
    let Ok(released) = std::fs::read_to_string(path(RELEASED)) else {
        say(&format!(
            "{RELEASED} is not there: nothing was released yet, so nothing can break"
        ));
        return Ok(Vec::new());
    };
    let released: Value = serde_json::from_str(&released).context(format!("{RELEASED} is no JSON"))?;
    let current: Value = serde_json::from_str(current).context("the document is no JSON")?;
    Ok(breaks(&released, &current))
}

fn refuse(broken: &[String]) -> Result<()> {
    if broken.is_empty() {
        return Ok(());
    }
    let list = broken.join("\n  ");
    Err(Failure(format!(
        "{} breaks against {RELEASED}:\n  {list}",
        broken.len()
    )))
}

fn print(command: &[&str]) -> Result<String> {
    let mut arguments = vec!["run", "--quiet", "-p", "slipway", "--"];
    arguments.extend_from_slice(command);
    output(&mut cargo(&arguments))
}

fn path(name: &str) -> PathBuf {
    root().join(name)
}
