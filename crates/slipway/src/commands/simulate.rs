//! `slipway simulate`

use std::time::Duration;

use serde_json::json;
use slipway_simulator::{Simulator, SimulatorSettings};

use super::print;
use crate::cli::SimulateArgs;
use crate::failure::{Failure, chain};
use crate::lifecycle::Lifecycle;
use crate::telemetry;

pub(crate) async fn run(args: SimulateArgs) -> Result<(), Failure> {
    telemetry::start_from_environment("info")?;
    let lifecycle = Lifecycle::listen()?;
    let simulator = Simulator::start(settings(&args)?)
        .await
        .map_err(|error| Failure::new(format!("{}; other ports can be named with --ports", chain(&error))))?;
    print(&if args.json {
        machine_text(&simulator)
    } else {
        text(&simulator)
    })?;
    lifecycle.soft.cancelled().await;
    lifecycle.until_hard(simulator.stop()).await
}

fn settings(args: &SimulateArgs) -> Result<SimulatorSettings, Failure> {
    let every = Duration::try_from_secs_f64(args.deployment_every)
        .map_err(|_| Failure::new("--deployment-every takes a number of seconds, 0 or more"))?;
    if !args.speed.is_finite() || args.speed <= 0.0 {
        return Err(Failure::new("--speed takes a number above 0"));
    }
    Ok(SimulatorSettings {
        seed: args.seed,
        cloud66_stacks: args.cloud66_stacks,
        scalingo_apps: args.scalingo_apps,
        history_per_application: args.history,
        deployment_every: (!every.is_zero()).then_some(every),
        speed: args.speed,
        listen: args.listen,
        ports: Some(args.ports),
        state_file: args.state_file.clone(),
        rate_limits: !args.no_rate_limits,
    })
}

fn machine_text(simulator: &Simulator) -> String {
    json!({
        "cloud66": { "url": simulator.cloud66_url(), "token": simulator.cloud66_token() },
        "scalingo": {
            "api_url": simulator.scalingo_api_url(),
            "auth_url": simulator.scalingo_auth_url(),
            "token": simulator.scalingo_token(),
        },
        "control": { "url": simulator.control_url() },
        "pid": std::process::id(),
    })
    .to_string()
}

fn text(simulator: &Simulator) -> String {
    format!(
        "Cloud 66  {}/api/3\n          token {}\nScalingo  {} (token exchange too)\n          token {}\n\
         Control   {}\n\nCtrl-C stops them.\n",
        simulator.cloud66_url(),
        simulator.cloud66_token(),
        simulator.scalingo_api_url(),
        simulator.scalingo_token(),
        simulator.control_url(),
    )
}
