use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::cli::client::Colour;
use crate::failure::code;

/// A home folder with a `cli.toml` of this text and mode.
struct Home(PathBuf);

impl Home {
    fn new(name: &str, text: &str, mode: u32) -> Self {
        let home = Self(std::env::temp_dir().join(format!("slipway-cli-{}-{name}", std::process::id())));
        let folder = home.0.join(".config/slipway");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cli.toml"), text).unwrap();
        std::fs::set_permissions(folder.join("cli.toml"), std::fs::Permissions::from_mode(mode)).unwrap();
        home
    }

    fn token_file(&self, name: &str, token: &str) -> PathBuf {
        let path = self.0.join(".config/slipway").join(name);
        std::fs::write(&path, token).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn choose(&self, args: &ConnectArgs, variables: &[(&str, &str)]) -> Result<Connection, Failure> {
        let home = self.0.display().to_string();
        Connection::choose(args, |name| {
            if name == "HOME" {
                return Some(home.clone());
            }
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn args() -> ConnectArgs {
    ConnectArgs {
        url: None,
        token_file: None,
        profile: None,
        json: false,
        color: Colour::Auto,
    }
}

const FILE: &str = "\
default_profile = 'work'
[profiles.work]
url = 'https://slipway.example/base/'
token = 'token-of-work'
[profiles.home]
url = 'http://127.0.0.1:9000'
token_file = 'home.token'
";

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let home = Home::new("order", FILE, 0o600);
    let file = home.token_file("home.token", "token-of-home\n");
    let found = |args: &ConnectArgs, variables: &[(&str, &str)]| {
        let found = home.choose(args, variables).unwrap();
        (
            found.url.to_string(),
            found.token.unwrap_or_default(),
            found.token_origin.unwrap_or_default(),
        )
    };
    let (url, token, origin) = found(&args(), &[]);
    assert_eq!(
        (url.as_str(), token.as_str()),
        ("https://slipway.example/base/", "token-of-work")
    );
    assert!(origin.ends_with("cli.toml"));

    let environment = [
        ("SLIPWAY_URL", "http://127.0.0.1:1"),
        ("SLIPWAY_TOKEN", "token-of-environment"),
    ];
    let (url, token, origin) = found(&args(), &environment);
    assert_eq!(
        (url.as_str(), token.as_str(), origin.as_str()),
        ("http://127.0.0.1:1/", "token-of-environment", "SLIPWAY_TOKEN")
    );

    // A profile that is named by a flag is taken whole.
    let named = ConnectArgs {
        profile: Some("home".to_owned()),
        ..args()
    };
    let (url, token, _) = found(&named, &environment);
    assert_eq!(
        (url.as_str(), token.as_str()),
        ("http://127.0.0.1:9000/", "token-of-home")
    );

    let flags = ConnectArgs {
        url: Some("https://other.example".to_owned()),
        token_file: Some(file),
        ..args()
    };
    let (url, token, _) = found(&flags, &environment);
    assert_eq!(
        (url.as_str(), token.as_str()),
        ("https://other.example/", "token-of-home")
    );
}

#[test]
fn a_profiles_token_is_for_the_profiles_gateway_only() {
    let home = Home::new("pinned", FILE, 0o600);
    for other in [
        "https://evil.example",
        "http://slipway.example",
        "https://slipway.example:444",
    ] {
        let flags = ConnectArgs {
            url: Some(other.to_owned()),
            ..args()
        };
        assert!(home.choose(&flags, &[]).unwrap().token.is_none(), "{other}");
        assert!(
            home.choose(&args(), &[("SLIPWAY_URL", other)]).unwrap().token.is_none(),
            "{other}"
        );
    }
    let same = home
        .choose(&args(), &[("SLIPWAY_URL", "https://slipway.example/elsewhere")])
        .unwrap();
    assert_eq!(same.token.as_deref(), Some("token-of-work"));
}

#[test]
fn what_is_wrong_is_said_without_any_secret() {
    let open = Home::new("open", FILE, 0o644);
    let home = Home::new("wrong", FILE, 0o600);
    let broken = Home::new("broken", "token = 'secret-token'\ntokn = \"secret-token", 0o600);
    let unknown = ConnectArgs {
        profile: Some("wrok".to_owned()),
        ..args()
    };
    let cases = [
        (open.choose(&args(), &[]), "chmod 600"),
        (home.choose(&unknown, &[]), "it has: home, work"),
        (broken.choose(&args(), &[]), "cli.toml:2"),
        (
            home.choose(&args(), &[("SLIPWAY_URL", "ftp://secret-token@host")]),
            "must begin with http",
        ),
        (
            home.choose(&args(), &[("SLIPWAY_URL", "https://user:secret-token@host")]),
            "tokens do not belong in it",
        ),
        (
            home.choose(&args(), &[("SLIPWAY_URL", "nonsense")]),
            "cannot be a gateway's URL",
        ),
        (
            home.choose(&args(), &[("SLIPWAY_TOKEN_FILE", "/nowhere/token")]),
            "/nowhere/token cannot be read",
        ),
    ];
    for (chosen, expected) in cases {
        let failure = chosen.unwrap_err();
        assert_eq!(failure.code(), code::USAGE);
        assert!(failure.to_string().contains(expected), "{failure}");
        assert!(!failure.to_string().contains("secret-token"), "{failure}");
    }
    let file = home.token_file("home.token", "token-of-home");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let named = ConnectArgs {
        profile: Some("home".to_owned()),
        ..args()
    };
    assert!(home.choose(&named, &[]).unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn without_anything_it_is_this_machine_and_no_token() {
    let home = Home::new("nothing", "", 0o644);
    let found = home.choose(&args(), &[]).unwrap();
    assert_eq!(
        (found.url.as_str(), found.is_loopback()),
        ("http://127.0.0.1:8080/", true)
    );
    assert!(found.authorization().unwrap().is_none());
    let strange = home
        .choose(&args(), &[("SLIPWAY_TOKEN", "secret-t\u{f6}ken\u{1}")])
        .unwrap();
    assert!(
        !strange.authorization().unwrap_err().to_string().contains("secret"),
        "it is not shown"
    );
    assert!(!format!("{:?}", home.choose(&args(), &[("SLIPWAY_TOKEN", "secret")]).unwrap()).contains("secret"));
    for (url, is_loopback) in [
        ("http://localhost:1", true),
        ("http://[::1]", true),
        ("http://10.0.0.1", false),
    ] {
        assert_eq!(
            home.choose(&args(), &[("SLIPWAY_URL", url)]).unwrap().is_loopback(),
            is_loopback
        );
    }
}
