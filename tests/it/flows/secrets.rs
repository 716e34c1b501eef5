//! Canaries: whatever goes wrong at a provider, no credential comes out anywhere.
//!
//! Every credential that the gateway is given or gives out is looked for, as it is and in the forms that it could take, in all
//! that the gateway says.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{
    Answer, Api, Case, Collector, Gateway, Process, ServeOptions, SimulateOptions, Simulators, within,
};
use sqlx::Row;

const LONG: Duration = Duration::from_secs(120);

/// What goes wrong at both providers, one after the other.
fn faults(elsewhere: &str) -> Vec<Value> {
    vec![
        json!({"kind": "latency", "latency_ms": 300}),
        json!({"kind": "status", "status": 500}),
        json!({"kind": "status", "status": 401}),
        json!({"kind": "status", "status": 403}),
        json!({"kind": "status", "status": 404}),
        json!({"kind": "status", "status": 422}),
        json!({"kind": "garbage"}),
        json!({"kind": "truncated"}),
        json!({"kind": "huge_body", "bytes": 9 << 20}),
        json!({"kind": "redirect", "location": format!("{elsewhere}/v1/traces")}),
        json!({"kind": "foreign_links", "location": "ws://127.0.0.1:9/"}),
        json!({"kind": "unknown_status"}),
        json!({"kind": "null_fields"}),
        json!({"kind": "drop_after"}),
        json!({"kind": "latency_after", "latency_ms": 300}),
        json!({"kind": "status_after", "status": 502}),
        json!({"kind": "drop_socket"}),
        json!({"kind": "silent_socket"}),
        json!({"kind": "refuse_socket"}),
        json!({"kind": "expire_tokens"}),
        json!({"kind": "throttled", "count": 2}),
        json!({"kind": "hang", "count": 2}),
    ]
}

/// What must not be found, by what it is.
#[derive(Default)]
pub(super) struct Canaries(BTreeMap<String, String>);

impl Canaries {
    fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 16, "{name}: {secret} could be found by chance");
        self.0.insert(name.to_owned(), secret.to_owned());
    }

    /// The secret, and what encoders make of it. Base64 in each of the three places that it can have in what is encoded.
    fn forms(secret: &str) -> Vec<String> {
        let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let percent = secret.bytes().fold(String::new(), |mut text, byte| {
            let _ = match byte {
                byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => write!(text, "{}", char::from(byte)),
                byte => write!(text, "%{byte:02X}"),
            };
            text
        });
        let mut forms = vec![
            secret.to_owned(),
            hex.to_uppercase(),
            hex,
            percent,
            secret.chars().rev().collect(),
        ];
        for skipped in 0..3 {
            // Only groups that are made of the secret alone.
            let whole = &secret.as_bytes()[skipped..];
            forms.push(base64(&whole[..whole.len() / 3 * 3]));
        }
        forms
    }

    /// Where what is found. `said` is what came out, by the name of the channel.
    pub(super) fn leaks(&self, said: &[(String, String)]) -> Vec<String> {
        let mut leaks = Vec::new();
        for (name, secret) in &self.0 {
            for form in Self::forms(secret) {
                let found = said.iter().filter(|(_, text)| text.contains(&form));
                leaks.extend(found.map(|(channel, _)| format!("{name} in {channel}, as {form}")));
            }
        }
        leaks
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| char::from(LETTERS[usize::try_from(bits & 63).expect("6 bits")]);
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)]
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

#[test]
fn a_canary_is_found_in_every_form() {
    let mut canaries = Canaries::default();
    canaries.add("token", "canary+/0123456789~abcdef");
    for form in Canaries::forms("canary+/0123456789~abcdef") {
        let said = [("a channel".to_owned(), format!("before {form} after"))];
        assert!(!canaries.leaks(&said).is_empty(), "{form}");
    }
    // "a:" and "ab:" before it move the groups.
    assert_eq!(base64(b"Man"), "TWFu");
    let said = [("a channel".to_owned(), "nothing of it".to_owned())];
    assert!(canaries.leaks(&said).is_empty());
}

/// Everything that is in the database.
async fn dump(database: &TestDatabase) -> Vec<(String, String)> {
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(&database.pool)
        .await
        .expect("tables");
    assert!(tables.len() > 10, "{tables:?}");
    let mut said = Vec::new();
    for table in tables {
        // Bytes come as hexadecimal digits, which is one of the forms; what is text in them is written out, too.
        let rows = format!("SELECT to_jsonb(one)::text AS row FROM \"{table}\" AS one");
        let rows = sqlx::query(sqlx::AssertSqlSafe(rows))
            .fetch_all(&database.pool)
            .await
            .expect("rows");
        let rows: Vec<String> = rows.iter().map(|row| row.get("row")).collect();
        said.push((format!("table {table}"), rows.join("\n")));
    }
    said
}

/// Every operation that reads, with ids that exist, and what is served beside them.
async fn answers(api: &Api, who: &str, deployments: &Value) -> Vec<(String, String)> {
    let document: Value = api.get("/openapi.json").await.json();
    let deployment = &deployments["items"][0];
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let mut paths: Vec<String> = ["/", "/metrics", "/healthz", "/readyz", "/livez", "/docs/", "/nowhere"]
        .map(str::to_owned)
        .into();
    for (template, item) in document["paths"].as_object().expect("paths") {
        let Some(operation) = item.get("get") else { continue };
        if operation["tags"] == json!(["streams"]) {
            continue;
        }
        let path = template
            .replace("{account}", "scalingo-test")
            .replace("{application_id}", &text(&deployment["application_id"]))
            .replace("{deployment_id}", &text(&deployment["id"]));
        paths.push(format!("{path}?limit=200"));
        paths.push(path);
    }
    for list in ["deployments", "events", "audit"] {
        paths.push(format!("/api/v1/{list}?limit=200"));
    }
    for item in deployments["items"].as_array().expect("items").iter().take(60) {
        let id = text(&item["id"]);
        paths.push(format!("/api/v1/deployments/{id}?include=raw,timeline"));
        paths.push(format!("/api/v1/deployments/{id}/logs"));
    }
    let mut said = Vec::new();
    for path in paths {
        // Nobody waits for the log of an application whose provider hangs.
        let Ok(answer) = api.try_get(&path).await else { continue };
        said.push((format!("GET {path} for {who}"), shown(&answer)));
    }
    said
}

async fn deployments(gateway: &Gateway) -> Value {
    gateway
        .api
        .get("/api/v1/deployments?limit=200&provider=scalingo")
        .await
        .json()
}

fn shown(answer: &Answer) -> String {
    format!("{} {}\n{}", answer.status, answer.all_headers(), answer.text)
}

/// The scripts of the dashboard.
async fn pages(api: &Api) -> Vec<(String, String)> {
    let index = api.get("/").await;
    assert_eq!(index.status, 200);
    let mut said = vec![("page /".to_owned(), shown(&index))];
    let links = index
        .text
        .split(['"', '\''])
        .filter(|word| word.starts_with('/') && word.contains('.'));
    for link in links {
        let answer = api.get(link).await;
        said.push((format!("page {link}"), shown(&answer)));
    }
    assert!(said.len() > 2, "{}", index.text);
    said
}

pub(super) struct World {
    pub(super) case: Case,
    pub(super) database: TestDatabase,
    pub(super) simulators: Simulators,
    collector: Collector,
    pub(super) canaries: Canaries,
}

const WEBHOOK: &str = "webhook-canary-8c1f3b6d2e9a4f70b5c2";
const OIDC: &str = "oidc-canary-5d7e1a9c3b8f4620d1e4";

impl World {
    async fn new() -> Self {
        Self::over(&SimulateOptions::default()).await
    }

    /// Over platforms like these.
    pub(super) async fn over(options: &SimulateOptions) -> Self {
        let case = Case::begin().await;
        let database = TestDatabase::create().await.expect("a database for the test");
        let simulators = Simulators::start(&case, options).await;
        let mut canaries = Canaries::default();
        canaries.add("token of Cloud 66", simulators.text("/cloud66/token"));
        canaries.add("token of Scalingo", simulators.text("/scalingo/token"));
        let cloud66 = Api::new(simulators.text("/cloud66/url"), simulators.text("/cloud66/token"));
        let stacks: Value = cloud66.get("/api/3/stacks.json").await.json();
        for stack in stacks["response"].as_array().expect("stacks") {
            let hook = stack["redeploy_hook"].as_str().expect("a hook");
            let secret = hook.rsplit('/').next().expect("the last part");
            canaries.add(&format!("redeploy hook of {}", stack["name"]), secret);
        }
        if let Some((_, password)) = database.url.split('@').next().and_then(|user| user.rsplit_once(':')) {
            // Of the tests' own server it may be a word.
            if password.len() >= 16 {
                canaries.add("password of the database", password);
            }
        }
        canaries.add("read token", "read-token-of-the-tests");
        canaries.add("admin token", "admin-token-of-the-tests");
        canaries.add("webhook secret", "webhook-secret-of-the-tests-0123456789");
        canaries.add("made-up webhook secret", WEBHOOK);
        canaries.add("bearer of an issuer", OIDC);
        Self {
            case,
            database,
            simulators,
            collector: Collector::start().await,
            canaries,
        }
    }

    /// A gateway that says as much as it can.
    pub(super) async fn gateway(&self, more: &str) -> Gateway {
        Gateway::start(&self.case, &self.options(more), &self.simulators).await
    }

    fn options(&self, more: &str) -> ServeOptions {
        let issuer = self.simulators.text("/cloud66/url");
        let options = ServeOptions {
            more: format!(
                "[traces]\nendpoint = '{}'\n[auth.oidc]\nissuer = '{issuer}'\naudience = 'slipway'\n\
                 [auth.oidc.scopes]\nall = ['admin']\n{more}",
                self.collector.url
            ),
            ..ServeOptions::on(&self.database)
        };
        options.with_environment("SLIPWAY_LOG__FILTER", "trace")
    }

    /// Tokens, sessions and tickets, and requests that carry credentials where they do not belong.
    pub(super) async fn credentials(&mut self, gateway: &Gateway) -> Vec<(String, String)> {
        let mut said = Vec::new();
        let none = json!({"providers": [], "accounts": [], "applications": [], "environments": []});
        let new = json!({"name": "canary", "scopes": ["deployments:read", "events:read"], "restrictions": none, "expires_at": null});
        let created: Value =
            serde_json::from_str(&gateway.admin.post("/api/v1/tokens", &new, &[]).await.text).expect("JSON");
        let secret = created["secret"]
            .as_str()
            .unwrap_or_else(|| panic!("a secret in {created}"));
        self.canaries.add("token of the database", secret);
        let holder = Api::new(gateway.api.base(), secret);
        let ticket = holder.post("/api/v1/stream-tickets", &json!({}), &[]).await;
        let ticket: Value = serde_json::from_str(&ticket.text).expect("JSON");
        let ticket = ticket["ticket"]
            .as_str()
            .unwrap_or_else(|| panic!("a ticket in {ticket}"));
        self.canaries.add("ticket", ticket);
        let session = holder.post("/api/v1/session", &json!({"token": secret}), &[]).await;
        let cookie = session.header("set-cookie").expect("a cookie").to_owned();
        let cookie = cookie.split(['=', ';']).nth(1).expect("a value").to_owned();
        self.canaries.add("session", &cookie);
        let code = holder.post("/api/v1/session-codes", &json!({}), &[]).await;
        let code: Value = serde_json::from_str(&code.text).expect("JSON");
        let code = code["code"].as_str().unwrap_or_else(|| panic!("a code in {code}"));
        self.canaries.add("session code", code);
        // Now wrongly: in URLs, in bodies, as bearer of an issuer that does not answer, as secret of a webhook.
        let jwt = format!("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.{OIDC}");
        for (path, token) in [
            (format!("/api/v1/deployments?token={secret}"), secret),
            (format!("/api/v1/deployments?q={secret}"), secret),
            (format!("/api/v1/events/stream?ticket={ticket}x"), ""),
            ("/api/v1/whoami".to_owned(), jwt.as_str()),
            ("/api/v1/audit".to_owned(), secret),
            (format!("/api/v1/events?ticket={ticket}"), ""),
        ] {
            let answer = Api::new(gateway.api.base(), token)
                .try_get(&path)
                .await
                .expect("an answer");
            assert!(answer.status >= 400, "{path}: {}", answer.text);
            said.push((
                format!("problem of {}", path.split('?').next().unwrap_or_default()),
                shown(&answer),
            ));
        }
        for (path, body) in [
            (format!("/api/v1/inbound/scalingo-test/{WEBHOOK}"), json!({"a": 1})),
            ("/api/v1/session".to_owned(), json!({"token": OIDC})),
            ("/api/v1/session".to_owned(), json!({"code": format!("{code}-wrong")})),
            ("/api/v1/session".to_owned(), json!({"token": [secret]})),
            ("/api/v1/tokens".to_owned(), json!({"name": 7, "scopes": secret})),
        ] {
            let answer = gateway.admin.post(&path, &body, &[]).await;
            assert!(answer.status >= 400, "{path}: {}", answer.text);
            said.push((format!("problem of POST {path}").replace(WEBHOOK, "…"), shown(&answer)));
        }
        for account in Gateway::ACCOUNTS {
            let webhook = gateway.webhook_url(account);
            let path = webhook
                .strip_prefix(gateway.api.base())
                .expect("of this gateway")
                .to_owned();
            let answer = gateway.admin.post(&path, &json!({"unheard": "of"}), &[]).await;
            said.push((format!("webhook of {account}"), shown(&answer)));
        }
        said
    }

    /// Each fault, until the gateway has asked its providers in spite of it, with a write in the middle.
    async fn drive(&self, gateway: &Gateway) -> Vec<(String, String)> {
        let mut said = Vec::new();
        let control = &self.simulators.control;
        let applications = gateway.api.applications().await;
        for fault in faults(&self.collector.url) {
            for provider in ["cloud66", "scalingo"] {
                let mut fault = fault.clone();
                fault["provider"] = provider.into();
                control.fault(fault).await;
            }
            let before: u64 = control.counters().await.values().sum();
            for provider in ["cloud66", "scalingo"] {
                let Some(application) = applications.iter().find(|known| known.provider == provider) else {
                    continue;
                };
                for (name, body) in [("refresh", json!({})), ("deployments", json!({"git_ref": "main"}))] {
                    let path = format!("/api/v1/applications/{}/{name}", application.id);
                    let Ok(answer) = gateway.admin.try_post(&path, &body, &[]).await else {
                        continue;
                    };
                    said.push((format!("{name} at {provider} with {fault}"), shown(&answer)));
                }
            }
            within(LONG, &format!("the providers were asked with {fault}"), async || {
                let now: u64 = control.counters().await.values().sum();
                (now >= before + 2).then_some(())
            })
            .await;
            said.push((
                format!("accounts with {fault}"),
                gateway.admin.get("/api/v1/accounts").await.text,
            ));
            control.heal().await;
        }
        said
    }
}

#[tokio::test]
async fn no_credential_comes_out_whatever_goes_wrong() {
    let mut world = World::new().await;
    let gateway = world.gateway("").await;
    gateway.wait_until_synced().await;
    let mut said = world.credentials(&gateway).await;
    world.simulators.control.deploy("cloud66", "success", 1).await;
    world.simulators.control.deploy("scalingo", "success", 1).await;
    said.extend(world.drive(&gateway).await);
    let deployments = deployments(&gateway).await;
    let nobody = Api::new(gateway.api.base(), "a-token-that-nobody-knows");
    for (who, api) in [
        ("the admin", &gateway.admin),
        ("a reader", &gateway.api),
        ("nobody", &nobody),
    ] {
        said.extend(answers(api, who, &deployments).await);
    }
    said.extend(pages(&gateway.api).await);
    gateway.process.signal(libc::SIGTERM);
    let ended = gateway.process.ended().await;
    said.push(("standard output".to_owned(), ended.stdout.join("\n")));
    said.push(("standard error and the log as JSON".to_owned(), ended.stderr.clone()));

    // Once more, for people, while a provider fails.
    let status = json!({"provider": "scalingo", "kind": "status", "status": 500});
    world.simulators.control.fault(status).await;
    let mut command = world.case.command(&["sync", "--config"]);
    command.arg(Gateway::config_file(&world.case, &world.options("")));
    command
        .env("SLIPWAY_LOG__FORMAT", "text")
        .env("SLIPWAY_LOG__FILTER", "trace");
    let mut process = Process::start(command);
    let is_failure = |line: &str| line.contains("a read of the provider failed").then_some(());
    process.wait_for_stderr("a read has failed", is_failure).await;
    process.signal(libc::SIGTERM);
    said.push(("the log as text".to_owned(), process.ended().await.stderr));

    let traces = world.collector.requests().join("\n");
    assert!(traces.contains("provider_http.request.send"), "traces were kept");
    said.push(("traces, and where redirects lead".to_owned(), traces));
    said.extend(dump(&world.database).await);

    for channel in [
        "GET /metrics",
        "GET /api/v1/audit",
        "problem of",
        "page /",
        "table deployments",
        "table audit",
    ] {
        assert!(
            said.iter()
                .any(|(name, text)| name.starts_with(channel) && !text.is_empty()),
            "{channel} said nothing"
        );
    }
    assert!(ended.stderr.lines().count() > 100, "the log said something");
    let leaks = world.canaries.leaks(&said);
    assert!(leaks.is_empty(), "{leaks:#?}");
    // Tokens that Scalingo exchanges are new each time; all of them are JSON Web Tokens. That one was ours.
    let is_web_token = |text: &str| {
        text.match_indices("eyJ").any(|(at, _)| {
            text[at..]
                .split('.')
                .take(3)
                .all(|part| part.len() > 16 && !part.contains(' '))
        })
    };
    let told: Vec<_> = said
        .iter()
        .filter(|(_, text)| is_web_token(text))
        .map(|(name, _)| name)
        .collect();
    assert!(told.is_empty(), "a JSON Web Token in {told:?}");
}

/// The test above can fail: a credential that an operator writes where it does not belong is found, in every channel that
/// shows it.
#[tokio::test]
async fn a_credential_that_is_planted_is_found() {
    let world = World::new().await;
    let token = world.simulators.text("/scalingo/token");
    let rule = format!("[[rules]]\nlabels = {{ canary = '{token}' }}\n");
    let gateway = world.gateway(&rule).await;
    gateway.wait_until_synced().await;
    let mut said = answers(&gateway.admin, "the admin", &deployments(&gateway).await).await;
    said.extend(dump(&world.database).await);
    let leaks = world.canaries.leaks(&said);
    for channel in ["GET /api/v1/applications for the admin", "table applications"] {
        let found = leaks
            .iter()
            .any(|leak| leak.starts_with(&format!("token of Scalingo in {channel}")));
        assert!(found, "{channel}: {leaks:#?}");
    }
}
