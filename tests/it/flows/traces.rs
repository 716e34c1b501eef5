//! One trace from a caller through the gateway to a provider, in spans, in log lines and in the problem.

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Collector, Gateway, ServeOptions, SimulateOptions, Simulators, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().expect("attributes").iter();
    let found = attributes.into_iter().find(|attribute| attribute["key"] == name);
    found.map_or(&Value::Null, |attribute| &attribute["value"])
}

#[tokio::test]
async fn a_trace_goes_in_through_and_out_and_is_named_everywhere() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let collector = Collector::start().await;
    let options = ServeOptions {
        more: format!("[traces]\nendpoint = '{}'\n", collector.url),
        ..ServeOptions::on(&database)
    };
    // Spans do not depend on which lines are wanted.
    let options = options.with_environment(
        "SLIPWAY_LOG__FILTER",
        "error,slipway::commands=info,slipway_server=debug",
    );
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;

    // A write, which goes on in a task of its own.
    let applications = gateway.api.applications().await;
    let application = applications
        .iter()
        .find(|known| known.provider == "cloud66")
        .expect("an application");
    let path = format!("/api/v1/applications/{}/deployments", application.id);
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [
        ("traceparent", traceparent.as_str()),
        ("x-request-id", "request-of-the-trace"),
    ];
    let before = gateway.api.event_cursor().await;
    let answer = gateway.admin.post(&path, &json!({}), &headers).await;
    assert_eq!(answer.status, 202, "{}", answer.text);

    // Out: the provider was asked in the same trace.
    let asked = simulators.control.get("/requests").await;
    let asked = asked["requests"].as_array().expect("requests").clone();
    let in_trace = |request: &&Value| {
        let traceparent = request["traceparent"].as_str().unwrap_or_default();
        request["method"] == "POST" && traceparent.starts_with(&format!("00-{TRACE}-"))
    };
    let asked = asked
        .iter()
        .find(in_trace)
        .unwrap_or_else(|| panic!("no write in the trace: {asked:#?}"));
    let sent = asked["traceparent"].as_str().expect("a traceparent");

    // Written: who reads the event can find out what was done for it.
    let written = until("the deployment is in the log", async || {
        let events = gateway.api.events_after(&before).await;
        events
            .into_iter()
            .find(|event| event.application_id == Some(application.id) && event.r#type == "deployment.created")
    })
    .await;
    assert_eq!(written.trace_id.as_deref(), Some(TRACE));

    // Kept: one span below the caller's, and the call below that.
    let spans = until("the spans are there", async || {
        let spans = collector.spans();
        let of_trace: Vec<_> = spans.into_iter().filter(|span| span["traceId"] == TRACE).collect();
        (of_trace.len() >= 2).then_some(of_trace)
    })
    .await;
    let named = |name: &str| {
        let found = spans.iter().find(|span| span["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {spans:#?}"))
    };
    let request = named("server.request");
    assert_eq!(request["parentSpanId"], CALLER);
    assert_eq!(request["kind"], 2);
    assert_eq!(attribute(request, "request_id")["stringValue"], "request-of-the-trace");
    assert_eq!(attribute(request, "http.status")["intValue"], "202");
    let call = spans
        .iter()
        .find(|span| {
            span["name"] == "provider_http.request.send" && sent.contains(span["spanId"].as_str().unwrap_or("-"))
        })
        .unwrap_or_else(|| panic!("the call {sent} in {spans:#?}"));
    assert_eq!((&call["parentSpanId"], &call["kind"]), (&request["spanId"], &json!(3)));
    let time = |span: &Value, name: &str| -> i128 { span[name].as_str().expect("a text").parse().expect("a number") };
    assert!(time(request, "startTimeUnixNano") <= time(call, "startTimeUnixNano"));
    assert!(time(call, "startTimeUnixNano") <= time(call, "endTimeUnixNano"));

    // Named: problem, log and trace know the request by one id.
    let nowhere = "/api/v1/deployments/018f0000-0000-7000-8000-000000000000/cancel";
    let headers = [
        ("traceparent", traceparent.as_str()),
        ("x-request-id", "request-that-fails"),
    ];
    let answer = gateway.admin.post(nowhere, &json!({}), &headers).await;
    let problem: Value = serde_json::from_str(&answer.text).expect("a problem");
    assert_eq!(
        (answer.status, &problem["request_id"]),
        (404, &json!("request-that-fails"))
    );
    assert_eq!(answer.header("x-request-id"), Some("request-that-fails"));
    let lines: Vec<Value> = gateway
        .process
        .stderr()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: a line of the log: {line}")))
        .collect();
    for id in ["request-of-the-trace", "request-that-fails"] {
        let line = lines.iter().find(|line| line["span"]["request_id"] == id);
        let line = line.unwrap_or_else(|| panic!("a line of {id}"));
        assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    }

    // What begins here begins a trace; what the caller does not want kept is not.
    let spans = collector.spans();
    let sync = spans
        .iter()
        .find(|span| span["name"] == "engine.target.sync")
        .expect("a look at a target");
    let below = |span: &&Value| span["parentSpanId"] == sync["spanId"] && span["traceId"] == sync["traceId"];
    assert!(
        sync["parentSpanId"] == "" && spans.iter().any(|span| below(&span)),
        "{sync}"
    );
    let unwanted = "11111111111111111111111111111111";
    let headers = [("traceparent", format!("00-{unwanted}-{CALLER}-00"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    gateway.admin.post(nowhere, &json!({}), &headers).await;
    gateway
        .admin
        .post(nowhere, &json!({}), &[("traceparent", "00-what-is-this-01")])
        .await;
    gateway.process.signal(libc::SIGTERM);
    let ended = gateway.process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(collector.spans().iter().all(|span| span["traceId"] != unwanted));
}

/// Traces are for who looks; nothing waits for them.
#[tokio::test]
async fn a_collector_that_is_away_holds_nothing_up() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions {
        more: "[traces]\nendpoint = 'http://127.0.0.1:9/'\n".to_owned(),
        ..ServeOptions::on(&database)
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    until("it is told once", async || {
        let log = gateway.process.stderr();
        (log.matches("traces cannot be sent").count() == 1).then_some(())
    })
    .await;
    gateway.process.signal(libc::SIGTERM);
    assert_eq!(gateway.process.ended().await.code, Some(0));
}
