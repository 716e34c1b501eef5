//! Bearer tokens of an issuer that speaks `OpenID` Connect, from a small issuer of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{digest, hmac};
use serde_json::{Value, json};
use slipway_core::SystemClock;
use slipway_server::{Oidc, OidcRestrictions, OidcSettings, Scopes};
use url::Url;

use super::streams::{AT_MOST, end, open};
use super::{now, request};
use crate::harness::Gateway;
use crate::rows::{insert_account, insert_application, insert_deployment, success};

/// Opens nothing but this test.
const RSA_KEY: &[u8] = include_bytes!("rsa_key.der");

enum Key {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"))
    }

    fn p256() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self::P256(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key"))
    }

    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(RSA_KEY).expect("a key"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    fn public(&self, kid: &str) -> Value {
        match self {
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": encode(pair.public_key())})
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": encode(x), "y": encode(y)})
            }
            Self::Rsa(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "kid": kid, "n": encode(public.n), "e": encode(public.e)})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("signed");
                signature
            }
        }
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An issuer with its keys; counts how often it is asked for them.
struct Issuer {
    url: Url,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = Url::parse(&format!("http://{}/realm", listener.local_addr().expect("an address"))).expect("a URL");
        let keys: Arc<Mutex<Vec<Value>>> = Arc::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let (served, counted) = (Arc::clone(&keys), Arc::clone(&asked));
        let router = Router::new()
            .route(
                "/realm/.well-known/openid-configuration",
                get(async move || Json(discovery)),
            )
            .route(
                "/realm/keys",
                get(async move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    Json(json!({"keys": *served.lock()}))
                }),
            );
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("served");
        });
        Self {
            url,
            keys,
            asked,
            server,
        }
    }

    fn publish(&self, key: &Key, kid: &str) {
        self.keys.lock().push(key.public(kid));
    }

    async fn gateway(&self) -> Gateway {
        self.gateway_with(OidcRestrictions::default()).await
    }

    async fn gateway_with(&self, restrictions: OidcRestrictions) -> Gateway {
        slipway_provider_http::install_crypto_provider();
        let settings = OidcSettings {
            issuer: self.url.clone(),
            audience: "slipway".to_owned(),
            claim: "groups".to_owned(),
            scopes: vec![
                ("developers".to_owned(), Scopes::READ),
                ("operators".to_owned(), Scopes::ADMIN),
            ],
            restrictions,
            key_hosts: Vec::new(),
        };
        Gateway::trusting(Oidc::new(settings, Arc::new(SystemClock)).expect("a checker")).await
    }

    fn claims(&self) -> Value {
        let now = now().unix_timestamp();
        json!({"iss": self.url, "aud": "slipway", "sub": "jane", "exp": now + 600, "nbf": now - 5, "groups": ["developers"]})
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn jwt(key: &Key, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("{message}.{}", encode(key.sign(message.as_bytes())))
}

fn signed(key: &Key, kid: &str, claims: &Value) -> String {
    jwt(key, &json!({"alg": key.algorithm(), "kid": kid, "typ": "JWT"}), claims)
}

async fn whoami(gateway: &Gateway, token: &str) -> (u16, Value) {
    let answer = gateway.ask(request("GET", "/api/v1/whoami", Some(token), None)).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_issuer_allows_what_its_claim_is_mapped_to() {
    let issuer = Issuer::start().await;
    let keys = [("a", Key::ed25519()), ("b", Key::p256()), ("c", Key::rsa())];
    for (kid, key) in &keys {
        issuer.publish(key, kid);
    }
    let gateway = issuer.gateway().await;
    for (kid, key) in &keys {
        let (status, told) = whoami(&gateway, &signed(key, kid, &issuer.claims())).await;
        assert_eq!((status, &told["principal"]), (200, &json!("jane")), "{kid}: {told}");
        assert_eq!(told["scopes"], json!(["deployments:read", "logs:read", "events:read"]));
        assert!(told["expires_at"].is_string());
    }
    let with = |name: &str, value: Value| {
        let mut claims = issuer.claims();
        claims[name] = value;
        signed(&keys[0].1, "a", &claims)
    };
    let scopes = async |token: &str| whoami(&gateway, token).await.1["scopes"].as_array().map(Vec::len);
    assert_eq!(scopes(&with("groups", json!("guests operators"))).await, Some(7));
    assert_eq!(scopes(&with("groups", json!(["guests"]))).await, Some(0));
    assert_eq!(scopes(&with("groups", json!({"developers": true}))).await, Some(0));
    assert_eq!(scopes(&with("aud", json!(["other", "slipway"]))).await, Some(3));
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 1, "the keys are kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_not_signed_for_this_gateway_now_is_refused() {
    let issuer = Issuer::start().await;
    let (key, rsa) = (Key::ed25519(), Key::rsa());
    issuer.publish(&key, "a");
    issuer.publish(&rsa, "r");
    let gateway = issuer.gateway().await;
    let claims = issuer.claims();
    assert_eq!(whoami(&gateway, &signed(&key, "a", &claims)).await.0, 200);

    let now = now().unix_timestamp();
    let with = |name: &str, value: Value| {
        let mut claims = issuer.claims();
        claims[name] = value;
        signed(&key, "a", &claims)
    };
    let without = |name: &str| {
        let mut claims = issuer.claims();
        claims.as_object_mut().expect("an object").remove(name);
        signed(&key, "a", &claims)
    };
    let body = encode(claims.to_string());
    let none = format!("{}.{body}.", encode(json!({"alg": "none", "kid": "a"}).to_string()));
    // The public key taken for a shared secret.
    let hs256 = |secret: &[u8]| {
        let message = format!("{}.{body}", encode(json!({"alg": "HS256", "kid": "r"}).to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", encode(tag))
    };
    let public = rsa.public("r");
    let modulus = URL_SAFE_NO_PAD
        .decode(public["n"].as_str().expect("text"))
        .expect("base64");
    let good = signed(&key, "a", &claims);
    let (unsigned, signature) = good.rsplit_once('.').expect("three parts");
    let flipped = digest::digest(&digest::SHA512, signature.as_bytes());
    for (name, token) in [
        ("alg none", none),
        (
            "alg none without a signature",
            format!("{}.{body}", encode(r#"{"alg":"none"}"#)),
        ),
        ("HS256 with the modulus", hs256(&modulus)),
        ("HS256 with the key as text", hs256(public.to_string().as_bytes())),
        ("another key", signed(&Key::ed25519(), "a", &claims)),
        ("a key that is not known", signed(&Key::ed25519(), "z", &claims)),
        (
            "an algorithm that is not the key's",
            jwt(&key, &json!({"alg": "ES256", "kid": "a"}), &claims),
        ),
        (
            "a critical extension",
            jwt(&key, &json!({"alg": "EdDSA", "kid": "a", "crit": ["x"]}), &claims),
        ),
        ("another signature", format!("{unsigned}.{}", encode(flipped))),
        ("no signature", format!("{unsigned}.")),
        ("another audience", with("aud", json!("other"))),
        ("no audience", without("aud")),
        ("another issuer", with("iss", json!("https://login.example.com"))),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("not yet", with("nbf", json!(now + 600))),
        ("no end", without("exp")),
        ("an end that is no time", with("exp", json!("2999-01-01"))),
        ("garbage", "a.b.c".to_owned()),
        (
            "too long",
            format!("{}.{body}.{}", encode(r#"{"alg":"EdDSA"}"#), "A".repeat(20_000)),
        ),
    ] {
        let (status, told) = whoami(&gateway, &token).await;
        assert_eq!(
            (status, &told["code"]),
            (401, &json!("unauthenticated")),
            "{name}: {told}"
        );
    }
    let (status, told) = whoami(&gateway, &with("exp", json!(now - 60))).await;
    assert_eq!((status, &told["code"]), (401, &json!("token_expired")), "{told}");
    assert!(
        issuer.asked.load(Ordering::Relaxed) <= 2,
        "tokens of strangers make no questions"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_away_is_no_reason_to_believe_anybody() {
    let issuer = Issuer::start().await;
    let key = Key::ed25519();
    issuer.publish(&key, "a");
    let gateway = issuer.gateway().await;
    issuer.server.abort();
    while tokio::net::TcpStream::connect(("127.0.0.1", issuer.url.port().expect("a port")))
        .await
        .is_ok()
    {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (status, told) = whoami(&gateway, &signed(&key, "a", &issuer.claims())).await;
    assert_eq!((status, &told["code"]), (503, &json!("issuer_unavailable")), "{told}");
    assert_eq!(
        whoami(&gateway, crate::harness::READ).await.0,
        200,
        "our own tokens go on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_the_issuer_exchanges_are_noticed() {
    let issuer = Issuer::start().await;
    let (old, new) = (Key::ed25519(), Key::p256());
    issuer.publish(&old, "old");
    let gateway = issuer.gateway().await;
    let claims = issuer.claims();
    assert_eq!(whoami(&gateway, &signed(&old, "old", &claims)).await.0, 200);
    issuer.keys.lock().clear();
    issuer.publish(&new, "new");
    let noticed = async {
        while whoami(&gateway, &signed(&new, "new", &claims)).await.0 != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, noticed)
        .await
        .expect("noticed");
    assert_eq!(whoami(&gateway, &signed(&old, "old", &claims)).await.0, 401);
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2, "once for all those attempts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_sees_what_its_claims_name_and_nothing_without_them() {
    let issuer = Issuer::start().await;
    let key = Key::ed25519();
    issuer.publish(&key, "a");
    let claim = |name: &str| Some(name.to_owned());
    let gateway = issuer
        .gateway_with(OidcRestrictions {
            accounts: claim("slipway_accounts"),
            applications: claim("slipway_applications"),
            ..OidcRestrictions::default()
        })
        .await;
    let pool = &gateway.db.pool;
    let mut deployments = Vec::new();
    let mut applications = Vec::new();
    for account in ["main", "other"] {
        insert_account(pool, account, Some(success())).await;
        let application = insert_application(pool, account, "shop").await;
        deployments.push(insert_deployment(pool, &application, time::Duration::ZERO).await);
        applications.push(application);
    }
    gateway.settle().await;
    let token = |accounts: Value, applications: Value| {
        let mut claims = issuer.claims();
        claims["slipway_accounts"] = accounts;
        claims["slipway_applications"] = applications;
        signed(&key, "a", &claims)
    };
    let ask = async |token: &str, path: &str| {
        gateway
            .ask(request("GET", &format!("/api/v1{path}"), Some(token), None))
            .await
    };
    let shown = async |token: &str| {
        let (status, told) = whoami(&gateway, token).await;
        assert_eq!(status, 200, "{told}");
        let lists = ["/deployments", "/applications", "/accounts", "/board", "/providers"];
        let mut counts = Vec::new();
        for list in lists {
            counts.push(ask(token, list).await.items().len());
        }
        let after = gateway.cursor(0);
        let events = ask(token, &format!("/events?after={after}")).await.json();
        counts.push(events["items"].as_array().expect("items").len());
        counts
    };
    let everything = shown(&token(json!("*"), json!(["*"]))).await;
    assert_eq!(everything[..4], [2, 2, 2, 2]);
    let main = token(json!(["main", "unheard-of"]), json!("*"));
    let half = shown(&main).await;
    assert_eq!(half[..4], [1, 1, 1, 1]);
    assert_eq!(half[5] * 2, everything[5]);
    for (deployment, status) in deployments.iter().zip([200, 404]) {
        let answer = ask(&main, &format!("/deployments/{}", deployment.id)).await;
        assert_eq!(answer.status.as_u16(), status);
    }
    let one = token(json!("*"), json!([applications[1].id.0]));
    assert_eq!(shown(&one).await[..2], [1, 1]);
    // The two add up: an application of another account than those named.
    let none = token(json!("main"), json!([applications[1].id.0]));
    assert_eq!(shown(&none).await[..2], [0, 0]);

    let odd = [
        issuer.claims(),
        {
            let mut claims = issuer.claims();
            claims["slipway_accounts"] = json!("*");
            claims
        },
        {
            let mut claims = issuer.claims();
            claims["slipway_accounts"] = json!({"main": true});
            claims["slipway_applications"] = json!("*");
            claims
        },
    ];
    for claims in odd {
        let token = signed(&key, "a", &claims);
        assert_eq!(shown(&token).await, [0; 6], "{claims}");
    }
    // Who may administer but sees only a part administers nothing.
    let mut claims = issuer.claims();
    claims["groups"] = json!("operators");
    let boss = signed(&key, "a", &claims);
    assert_eq!(ask(&boss, "/audit").await.status, 403);
    let health = gateway.ask(request("GET", "/healthz", Some(&boss), None)).await;
    assert_eq!(health.text, "ok");
    claims["slipway_accounts"] = json!("*");
    claims["slipway_applications"] = json!("*");
    assert_eq!(ask(&signed(&key, "a", &claims), "/audit").await.status, 200);

    // A session and a ticket show no more than the token that they stand for.
    let body = json!({ "token": main });
    let begun = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
    let cookie = begun.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let mut listed = request("GET", "/api/v1/deployments", None, None);
    listed
        .headers_mut()
        .insert(http::header::COOKIE, cookie.parse().expect("a cookie"));
    let items = gateway.ask(listed).await.items();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["id"], deployments[0].id.to_string());
    let made = gateway
        .ask(request("POST", "/api/v1/stream-tickets", Some(&main), None))
        .await;
    assert_eq!(made.status, 201);
    let stored: Vec<Value> =
        sqlx::query_scalar("SELECT principal FROM stream_tickets UNION ALL SELECT principal FROM sessions")
            .fetch_all(pool)
            .await
            .expect("rows");
    for principal in stored {
        assert_eq!(principal["visibility"]["accounts"], json!(["main", "unheard-of"]));
    }
    // One that says nothing of what it shows, as an older release wrote it, is none.
    sqlx::query("UPDATE sessions SET principal = principal - 'visibility'")
        .execute(pool)
        .await
        .expect("changed");
    let mut listed = request("GET", "/api/v1/deployments", None, None);
    listed
        .headers_mut()
        .insert(http::header::COOKIE, cookie.parse().expect("a cookie"));
    assert_eq!(gateway.ask(listed).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_the_token_of_the_issuer() {
    let issuer = Issuer::start().await;
    let key = Key::ed25519();
    issuer.publish(&key, "a");
    let gateway = issuer.gateway().await;
    let mut claims = issuer.claims();
    // Clocks may differ by half a minute: five seconds are left.
    claims["exp"] = json!(now().unix_timestamp() - 25);
    let token = signed(&key, "a", &claims);
    let stream = open(&gateway.router, "/api/v1/events/stream", Some(&token)).await;
    let began = std::time::Instant::now();
    assert_eq!(end(stream.expect("a stream")).await, "expired");
    assert!(began.elapsed() < AT_MOST + std::time::Duration::from_secs(5));
    assert_eq!(whoami(&gateway, &token).await.0, 401);
}
