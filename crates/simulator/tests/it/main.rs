//! Smoke.
use slipway_simulator::*;
#[tokio::test]
async fn smoke() {
    let s = Simulator::start(SimulatorSettings { deployment_every: Some(std::time::Duration::from_millis(300)), speed: 10.0, ..Default::default() }).await.unwrap();
    eprintln!("{} {} {} {} {}", s.cloud66_url(), s.scalingo_api_url(), s.control_url(), s.cloud66_token(), s.scalingo_token());
    if let Ok(n) = std::env::var("HOLD") { tokio::time::sleep(std::time::Duration::from_secs(n.parse().unwrap())).await; }
    s.stop().await;
}
