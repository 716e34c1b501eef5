//! Runs the simulator alone until its input ends, and prints where it listens: for scripts that test a client.

use std::io::Write as _;

use slipway_simulator::{Simulator, SimulatorSettings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start(SimulatorSettings {
        speed: 50.0,
        ..SimulatorSettings::default()
    })
    .await?;
    let mut out = std::io::stdout();
    writeln!(out, "SCALINGO_API_URL={}", simulator.scalingo_api_url())?;
    writeln!(out, "SCALINGO_AUTH_URL={}", simulator.scalingo_auth_url())?;
    writeln!(out, "SCALINGO_TOKEN={}", simulator.scalingo_token())?;
    writeln!(out, "CLOUD66_URL={}", simulator.cloud66_url())?;
    writeln!(out, "CLOUD66_TOKEN={}", simulator.cloud66_token())?;
    writeln!(out, "SIMULATOR_CONTROL_URL={}", simulator.control_url())?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    simulator.stop().await;
    Ok(())
}
