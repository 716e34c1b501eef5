//! What the demo says when it is ready: to people a few lines to copy, to programs one line of JSON.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use slipway_simulator::Simulator;

use super::credentials::Credentials;

pub(crate) struct Greeting<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) credentials: &'a Credentials,
    /// Whether the dashboard opens without a token.
    pub(crate) is_open: bool,
    pub(crate) simulator: &'a Simulator,
    pub(crate) folder: &'a Path,
    pub(crate) started_at: Instant,
}

impl Greeting<'_> {
    pub(crate) fn machine_text(&self) -> String {
        json!({
            "url": url(self.address),
            "read_token": self.credentials.read_token,
            "admin_token": self.credentials.admin_token,
            "simulators": {
                "cloud66": self.simulator.cloud66_url(),
                "scalingo": self.simulator.scalingo_api_url(),
                "control": self.simulator.control_url(),
            },
            "pid": std::process::id(),
        })
        .to_string()
    }

    pub(crate) fn text(&self) -> String {
        let url = url(self.address);
        let seconds = self.started_at.elapsed().as_secs_f32();
        let Credentials {
            read_token,
            admin_token,
        } = self.credentials;
        let folder = self.folder.display();
        let program = program();
        let [cloud66, scalingo, control] = [
            self.simulator.cloud66_url(),
            self.simulator.scalingo_api_url(),
            self.simulator.control_url(),
        ];
        let way_in = if self.is_open {
            "opens without signing in"
        } else {
            "sign in with a token"
        };
        format!(
            "\
Slipway runs at {url} (ready after {seconds:.1} s)

  dashboard    {url}/ ({way_in})
  API          {url}/docs
  read token   {read_token}
  admin token  {admin_token}
  providers    Cloud 66 {cloud66}, Scalingo {scalingo} (simulated; control {control})
  data         {folder}

Look at it from another terminal:

  export SLIPWAY_URL={url} SLIPWAY_TOKEN={read_token} TOKEN={read_token}
  {program} board
  {program} watch
  curl -s -H \"Authorization: Bearer $TOKEN\" '{url}/api/v1/deployments?limit=5'
  curl -N -H \"Authorization: Bearer $TOKEN\" '{url}/api/v1/events/stream'

Ctrl-C stops everything; the next start goes on from there.
"
        )
    }
}

/// This program as another terminal finds it.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else {
        return "slipway".to_owned();
    };
    let found = std::env::var_os("PATH").is_some_and(|folders| {
        let mut found = std::env::split_paths(&folders).map(|folder| folder.join("slipway"));
        found
            .find(|place| place.is_file())
            .and_then(|place| place.canonicalize().ok())
            == path.canonicalize().ok()
    });
    let text = path.display().to_string();
    match text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "/._-+".contains(letter))
    {
        _ if found => "slipway".to_owned(),
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// An address that one can open: "everywhere" is not one.
pub(super) fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    format!("http://{address}")
}
