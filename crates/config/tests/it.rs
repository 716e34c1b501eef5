//! What operators write, right and wrong.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::PathBuf;
use std::time::Duration;

use slipway_config::{Faults, LogFormat, ProviderKeys, Settings};

const PROVIDERS: &[ProviderKeys] = &[
    ProviderKeys {
        name: "cloud66",
        keys: &["base_url"],
    },
    ProviderKeys {
        name: "scalingo",
        keys: &["region", "api_url", "auth_url"],
    },
];

struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("slipway-config-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn load(text: &str, name: &str, environment: &[(&str, &str)]) -> Result<Settings, Faults> {
    let file = File::new(name, text);
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load(Some(&file.0), environment, PROVIDERS)
}

const AUTH: &str = "[auth]\nread_token = 'read-read-read-read'\nadmin_token = 'admin-admin-admin'\n";

#[test]
fn the_example_is_complete_with_its_environment_variables() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/example.toml");
    let names = [
        "CLOUD66_TOKEN",
        "SCALINGO_TOKEN",
        "SLIPWAY_READ_TOKEN",
        "SLIPWAY_ADMIN_TOKEN",
    ];
    let environment = names.map(|name| (name.to_owned(), format!("{name}-0123456789abcdef")));
    let settings = Settings::load(Some(example.as_ref()), environment, PROVIDERS).unwrap();
    assert_eq!(settings.accounts.len(), 2);
    assert_eq!(settings.accounts[1].provider, "scalingo");
    assert_eq!(settings.accounts[1].options["region"].value, "osc-fr1");
    assert_eq!(settings.accounts[0].token.expose(), "CLOUD66_TOKEN-0123456789abcdef");
    assert!(
        !format!("{settings:?}").contains("0123456789abcdef"),
        "no secret in debug output"
    );

    let faults = Settings::load(Some(example.as_ref()), [], PROVIDERS)
        .unwrap_err()
        .to_string();
    for name in [
        "CLOUD66_TOKEN",
        "SCALINGO_TOKEN",
        "SLIPWAY_READ_TOKEN",
        "SLIPWAY_ADMIN_TOKEN",
    ] {
        assert!(
            faults.contains(&format!("the environment variable `{name}` is not set")),
            "{faults}"
        );
    }
}

#[test]
fn later_layers_win_and_the_rest_of_the_earlier_ones_stays() {
    let text = format!("{AUTH}[server]\nlisten = ':9000'\n[sync]\nidle_every = '90s'\n[log]\nformat = 'json'");
    let environment = [
        ("SLIPWAY_SERVER__LISTEN", "0.0.0.0:7000"),
        ("SLIPWAY_DATABASE__MAX_CONNECTIONS", "7"),
        ("SLIPWAY_PORT", "tcp://10.0.0.1:80"),
    ];
    let settings = load(&text, "layers", &environment).unwrap();
    assert_eq!(settings.server.listen.to_string(), "0.0.0.0:7000");
    assert_eq!(settings.database.max_connections, 7);
    assert_eq!(settings.sync.idle_every, Duration::from_secs(90));
    assert_eq!(settings.sync.active_every, Duration::from_secs(3));
    assert_eq!(settings.log.format, LogFormat::Json);
    assert!(settings.accounts.is_empty() && settings.database.url.is_none());

    let settings = load(&format!("{AUTH}[server]\nlisten = ':9000'"), "port", &[]).unwrap();
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:9000");
}

#[test]
fn all_faults_come_at_once_each_with_its_line() {
    let text = "[server]\nlisen = '127.0.0.1:1'\nlisten = 'nowhere'\n[auth]\nread_token = 'short'\n\
        [sync]\nidle_every = '5 parsecs'\nactive_every = 3\n[databse]\n[log]\nformat = 'xml'\n\
        [[accounts]]\nname = 'Ünsafe name'\nprovider = 'heroku'\n[[accounts]]\nname = 'a'\nprovider = 'cloud66'\n\
        token = 'secret-token-of-a'\ntoken_file = '/x'\nregion = 'x'\n";
    let faults = load(text, "faults", &[("SLIPWAY_DATABASE__MAX_CONNECTIONS", "many")])
        .unwrap_err()
        .to_string();
    let wanted = [
        ":2: server.lisen: is unknown; did you mean `listen`?",
        ":3: server.listen: must be an address with a port such as 127.0.0.1:8080, not `nowhere`",
        ":5: auth.read_token: must have at least 16 characters",
        ":7: sync.idle_every: must be a time from 100ms to 86400s, such as 500ms, 30s, 5m, 1h or 7d, not `5 parsecs`",
        ":8: sync.active_every: must be a string, not a number",
        ":9: databse: is unknown; did you mean `database`?",
        ":11: log.format: must be one of `text`, `json`, not `xml`",
        "environment variable SLIPWAY_DATABASE__MAX_CONNECTIONS: database.max_connections: must be a whole number",
        ":13: accounts[0].name: must be 1 to 64 letters",
        "accounts[0].token: is missing",
        ":14: accounts[0].provider: must be one of `cloud66`, `scalingo`, not `heroku`",
        "accounts[1].token: give one of `token`, `token_file` and `token_env`, not several",
        ":20: accounts[1].region: is unknown; there are name, token",
    ];
    for wanted in wanted {
        assert!(faults.contains(wanted), "{wanted}\nis not in\n{faults}");
    }
    assert_eq!(faults.lines().count(), wanted.len(), "{faults}");
    assert!(!faults.contains("secret-token-of-a"));
}

#[test]
fn secrets_come_from_files_and_the_environment_wins() {
    let secret = File::new("secret", "from-the-file\n");
    let account = "[[accounts]]\nname = 'a'\nprovider = 'cloud66'\n";
    let text = format!("{AUTH}{account}token_file = '{}'\n", secret.0.display());
    assert_eq!(
        load(&text, "secret-1", &[]).unwrap().accounts[0].token.expose(),
        "from-the-file"
    );
    let environment = [("SLIPWAY_ACCOUNTS__0__TOKEN", "from-the-environment")];
    assert_eq!(
        load(&text, "secret-2", &environment).unwrap().accounts[0]
            .token
            .expose(),
        "from-the-environment"
    );

    let text = format!("{AUTH}{account}token_file = '/nowhere/token'\n");
    let faults = load(&text, "secret-3", &[("SLIPWAY_ACCOUNTS__4__TOKEN", "x")])
        .unwrap_err()
        .to_string();
    assert!(
        faults.contains("accounts[0].token_file: `/nowhere/token` cannot be read"),
        "{faults}"
    );
    assert!(
        faults.contains("`accounts` is a list of 1: name one by its number, from 0"),
        "{faults}"
    );
}

#[test]
fn broken_files_are_faults_and_never_panic() {
    let faults = load("[server\nlisten = \n= 3\n", "broken", &[])
        .unwrap_err()
        .to_string();
    assert!(
        faults.contains(":1: ") && faults.contains(":3: ") && !faults.contains("missing"),
        "{faults}"
    );
    let missing = Settings::load(Some("/nowhere/slipway.toml".as_ref()), [], PROVIDERS)
        .unwrap_err()
        .to_string();
    assert!(missing.contains("/nowhere/slipway.toml: cannot be read"), "{missing}");
    for text in [
        "accounts = 3",
        "server = 1",
        "[[server]]",
        "accounts = [1, [2]]",
        "[server.listen]\nx = 1",
        "\u{0}",
    ] {
        assert!(
            load(text, "odd", &[("SLIPWAY___", "x"), ("SLIPWAY_LOG__FORMAT__X", "y")]).is_err(),
            "{text}"
        );
    }
}

#[test]
fn two_accounts_cannot_share_a_name_and_a_database_url_must_be_one() {
    let account = "[[accounts]]\nname = 'a'\nprovider = 'cloud66'\ntoken = 't'\n";
    let text = format!("{AUTH}[database]\nurl = 'mysql://user:hidden-password@host/db'\n{account}{account}");
    let faults = load(&text, "twice", &[]).unwrap_err().to_string();
    assert!(faults.contains("accounts[1].name: `a` is taken already"), "{faults}");
    assert!(
        faults.contains("database.url: must be a URL such as postgres://"),
        "{faults}"
    );
    assert!(!faults.contains("hidden-password"));
}

#[test]
fn an_issuer_and_the_way_to_the_clients_are_checked_as_a_whole() {
    let text = format!(
        "{AUTH}[auth.oidc]\nissuer = 'https://login.example.com/realm'\naudience = 'slipway'\nclaim = 'groups'\n\
         [auth.oidc.scopes]\n'deploy team' = ['deployments:read', 'events:read']\n\
         [auth.oidc.restrictions]\naccounts = 'teams'\n\
         [server]\npublic_url = 'https://slipway.example.com'\ntrusted_proxies = ['10.0.0.0/8', '::1']\n"
    );
    let settings = load(&text, "oidc", &[("SLIPWAY_SERVER__REQUESTS_PER_MINUTE", "0")]).unwrap();
    let oidc = settings.auth.oidc.unwrap();
    assert_eq!(oidc.claim, "groups");
    assert_eq!(oidc.scopes[0].0, "deploy team");
    assert_eq!(oidc.scopes[0].1, ["deployments:read", "events:read"]);
    assert_eq!(oidc.restrictions.accounts.as_deref(), Some("teams"));
    assert_eq!(oidc.restrictions.environments, None);
    assert_eq!(settings.server.trusted_proxies[1], ("::1".parse().unwrap(), 128));
    assert_eq!(settings.server.requests_per_minute, 0);

    let text = "[auth]\nopen_access = 'perhaps'\n[auth.oidc]\nissuer = 'http://login.example.com'\n\
        [server]\ntrusted_proxies = ['10.0.0.0/40', 7]\npublic_url = 'ftp://x'\n";
    let faults = load(text, "oidc-faults", &[]).unwrap_err().to_string();
    let wanted = [
        ":2: auth.open_access: must be true or false",
        ":4: auth.oidc.issuer: must be a URL",
        "auth.oidc.audience: is missing",
        "auth.oidc.scopes: is missing",
        ":6: server.trusted_proxies: must hold networks such as 10.0.0.0/8, not `10.0.0.0/40`",
        ":6: server.trusted_proxies: must hold networks",
        ":7: server.public_url: must be a URL",
    ];
    for wanted in wanted {
        assert!(faults.contains(wanted), "{wanted}\nis not in\n{faults}");
    }
    assert_eq!(faults.lines().count(), wanted.len(), "{faults}");
}

#[test]
fn origins_are_exact() {
    let text = format!(
        "{AUTH}[server]\ncors_origins = ['https://board.example.com', 'http://localhost:3000']\n\
         failed_logins_per_minute = 7\n"
    );
    let server = load(&text, "origins", &[]).unwrap().server;
    let origins: Vec<_> = server
        .cors_origins
        .iter()
        .map(url::Origin::ascii_serialization)
        .collect();
    assert_eq!(origins, ["https://board.example.com", "http://localhost:3000"]);
    assert_eq!(server.failed_logins_per_minute, 7);
    assert!(load(AUTH, "no-origins", &[]).unwrap().server.cors_origins.is_empty());
    let environment = [(
        "SLIPWAY_SERVER__CORS_ORIGINS",
        "https://a.example.com, https://b.example.com",
    )];
    assert_eq!(
        load(AUTH, "env-origins", &environment)
            .unwrap()
            .server
            .cors_origins
            .len(),
        2
    );

    for wrong in [
        "*",
        "null",
        "https://*.example.com",
        "board.example.com",
        "https://board.example.com/",
        "https://board.example.com/path",
        "https://board.example.com:443",
        "https://Board.example.com",
        "http://board.example.com",
        "file:///tmp",
    ] {
        let text = format!("{AUTH}[server]\ncors_origins = ['{wrong}']\n");
        let faults = load(&text, "wrong-origins", &[]).unwrap_err().to_string();
        assert!(
            faults.contains("server.cors_origins: must hold exact origins"),
            "{wrong}: {faults}"
        );
        assert_eq!(faults.lines().count(), 1, "{faults}");
    }
}

#[test]
fn open_access_is_for_this_machine_only() {
    let settings = load("[auth]\nopen_access = true\n", "open", &[]).unwrap();
    assert!(settings.auth.open_access && settings.auth.admin_token.is_none());
    let faults = load(
        "[auth]\nopen_access = true\n[server]\nlisten = '0.0.0.0:1'\n",
        "open-wide",
        &[],
    );
    assert!(
        faults
            .unwrap_err()
            .to_string()
            .contains("auth.open_access: is for this machine only")
    );
}

#[test]
fn rules_give_environment_owner_and_labels() {
    let text = format!(
        "{AUTH}[[rules]]\nnames = ['*-staging', 'test']\naccounts = 'a, b'\nenvironment = 'staging'\n\
         labels = {{ team = 'web', 'example.com/tier' = 'db' }}\n[[rules]]\nowner = 'acme'\n"
    );
    let rules = load(&text, "rules", &[]).unwrap().rules;
    assert_eq!(rules[0].names, ["*-staging", "test"]);
    assert_eq!(rules[0].accounts, ["a", "b"]);
    assert_eq!(rules[0].environment.as_deref(), Some("staging"));
    assert_eq!(rules[0].labels["example.com/tier"], "db");
    assert_eq!(rules[1].owner.as_deref(), Some("acme"));

    let text = format!(
        "{AUTH}[[rules]]\nnames = [1]\nenviroment = 'x'\n[[rules]]\nowner = 'a'\nlabels = {{ 'a b' = 'c', d = 1 }}\n"
    );
    let faults = load(&text, "rules-2", &[]).unwrap_err().to_string();
    for wanted in [
        "rules[0].names: must hold texts",
        "rules[0].enviroment: is unknown; did you mean `environment`?",
        "rules[0].labels: gives nothing",
        "rules[1].labels.a b: keys have",
        "rules[1].labels.d: must be a string, not a number",
    ] {
        assert!(faults.contains(wanted), "{wanted}\nis not in\n{faults}");
    }
    assert!(load(&format!("rules = 3\n{AUTH}"), "rules-3", &[]).is_err());
}

#[test]
fn statuses_are_mapped_by_provider_and_word() {
    let provider = PROVIDERS[0].name;
    let text = format!(
        "{AUTH}[[status_mappings]]\nprovider = '{provider}'\nprovider_status = 'frozen'\nstatus = 'failed'\n\
         failure_reason = 'frozen'\n"
    );
    let mappings = load(&text, "mappings", &[]).unwrap().status_mappings;
    assert_eq!(mappings.len(), 1);
    assert_eq!(
        (mappings[0].status.as_str(), mappings[0].phase.as_deref()),
        ("failed", None)
    );
    assert_eq!(mappings[0].failure_reason.as_deref(), Some("frozen"));

    let again = "[[status_mappings]]\nprovider = 'nobody'\nprovider_status = 'x'\nstatus = 'done'\n\
                 [[status_mappings]]\nstatus = 'failed'\nreason = 'x'\n";
    let same = format!("[[status_mappings]]\nprovider = '{provider}'\nprovider_status = 'Frozen'\nstatus = 'queued'\n");
    let faults = load(&format!("{text}{same}{again}"), "mappings-2", &[])
        .unwrap_err()
        .to_string();
    for wanted in [
        "status_mappings[1]: `Frozen` is mapped twice",
        "status_mappings[2].provider: must be one of",
        "status_mappings[2].status: must be one of",
        "status_mappings[3].provider_status: is missing",
        "status_mappings[3].reason: is unknown",
    ] {
        assert!(faults.contains(wanted), "{wanted}\nis not in\n{faults}");
    }
}

#[test]
fn things_are_kept_for_ever_or_for_two_days_at_least() {
    let load = |text: &str| load(&format!("{AUTH}[retention]\n{text}\n"), "retention", &[]);
    let defaults = load("").unwrap().retention;
    assert_eq!(defaults.history, None, "for ever");
    let day = Duration::from_secs(86_400);
    assert_eq!((defaults.payloads, defaults.events), (Some(day * 180), Some(day * 365)));
    let kept = load("history = '48h'\nevents = '0s'").unwrap().retention;
    assert_eq!((kept.history, kept.events), (Some(day * 2), None));
    let faults = load("history = '1d'\npayloads = '1h'").unwrap_err().to_string();
    for key in ["retention.history", "retention.payloads"] {
        assert!(
            faults.contains(&format!("{key}: must be 0d, for ever, or two days")),
            "{faults}"
        );
    }
}

#[test]
fn a_history_goes_one_way_only() {
    let account = |name: &str, former: &str| {
        format!(
            "[[accounts]]\nname = '{name}'\nprevious_name = '{former}'\nprovider = 'cloud66'\ntoken = '{name}-token'\n"
        )
    };
    let load = |accounts: &[String]| load(&format!("{AUTH}{}", accounts.concat()), "renames", &[]);
    let settings = load(&[account("a", "b"), account("c", "d")]).unwrap();
    assert_eq!(settings.accounts[0].previous_name.as_deref(), Some("b"));
    let faults = load(&[account("a", "b"), account("c", "b"), account("d", "a")])
        .unwrap_err()
        .to_string();
    assert!(
        faults.contains("account c: previous_name: `b` is the previous name of account a, too"),
        "{faults}"
    );
    assert!(
        faults.contains("account d: previous_name: `a` is the name of an account that is configured"),
        "{faults}"
    );
    assert!(load(&[account("a", "a")]).is_err(), "its own name");
}
