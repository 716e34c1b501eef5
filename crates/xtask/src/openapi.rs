//! `cargo xtask openapi`: the contract, as the code describes it.

use crate::run::{Context, Failure, Result, cargo, output, root, say};

pub(crate) fn run(check: bool) -> Result<()> {
    let path = root().join("openapi/slipway-v1.json");
    let fresh = output(&mut cargo(&["run", "--quiet", "-p", "slipway", "--", "openapi"]))?;
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed == fresh {
        say("openapi/slipway-v1.json is up to date");
        return Ok(());
    }
    if check {
        return Err(Failure(
            "openapi/slipway-v1.json is out of date; run `cargo xtask openapi` and commit it".to_owned(),
        ));
    }
    std::fs::write(&path, fresh).context("openapi/slipway-v1.json cannot be written")?;
    say("openapi/slipway-v1.json is renewed");
    Ok(())
}
