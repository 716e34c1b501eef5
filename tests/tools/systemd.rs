//! What systemd itself says of our unit.

use std::process::Command;

use slipway_tests::{require_tools, workspace};

/// Of 100: what `systemd-analyze security` gives a unit that is cut off from nearly all that it does not need is about 12.
const EXPOSURE_MAX: &str = "20";

#[test]
fn the_unit_is_understood_whole_and_keeps_to_itself() {
    require_tools(&["systemd-analyze"]);
    let unit = std::fs::read_to_string(workspace().join("deploy/systemd/slipway.service")).expect("the unit");
    let file = std::env::temp_dir().join(format!("slipway-{}.service", std::process::id()));
    // Where the program is installed, nothing is here; all else is judged as it stands.
    std::fs::write(&file, unit.replace("/usr/local/bin/slipway", "/bin/true")).expect("written");
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&file).output();
        let output = output.expect("systemd-analyze runs");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        (output.status.success(), said.concat())
    };
    let verified = analyze(&["verify", "--man=no"]);
    let judged = analyze(&["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX]);
    std::fs::remove_file(&file).expect("removed");
    // Of what it does not know it only warns.
    assert_eq!(verified, (true, String::new()));
    assert!(judged.0, "{}", judged.1);
}
