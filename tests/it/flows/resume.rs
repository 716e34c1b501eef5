//! A stream that is cut after any event goes on behind it, also in another process.

use std::time::Duration;

use slipway_tests::{Api, Case, Gateway, ServeOptions, SimulateOptions, Simulators};

const PATIENCE: Duration = Duration::from_secs(60);

/// Connects, takes one event, and cuts. Again and again.
async fn one_by_one(api: &Api, ids: &mut Vec<String>, last: &mut String, count: usize) {
    for _ in 0..count {
        let mut stream = api.stream(Some(last)).await;
        let (id, _) = stream.next_event(PATIENCE).await.expect("another event");
        last.clone_from(&id);
        ids.push(id);
    }
}

#[tokio::test]
async fn cut_after_every_event_and_resumed_also_on_a_restarted_process() {
    let case = Case::begin().await;
    let world = SimulateOptions {
        deployment_every: 0.7,
        cloud66_stacks: 6,
        scalingo_apps: 6,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    // The built-in database, so that the whole gateway is restarted.
    let options = ServeOptions::default();
    let gateway = Gateway::start(&case, &options, &simulators).await;
    let beginning = gateway.api.event_cursor().await;
    let (mut ids, mut last) = (Vec::new(), beginning.clone());
    one_by_one(&gateway.api, &mut ids, &mut last, 60).await;

    // Cleanly stopped while a stream is open: the goodbye names where to go on.
    let mut stream = gateway.api.stream(Some(&last)).await;
    gateway.process.signal(libc::SIGTERM);
    while let Some(block) = stream.next().await {
        if block.is_durable() {
            ids.extend(block.id.clone());
        }
        last = block.id.unwrap_or(last);
    }
    assert_eq!(gateway.process.ended().await.code, Some(0));

    let gateway = Gateway::start(&case, &options, &simulators).await;
    one_by_one(&gateway.api, &mut ids, &mut last, 30).await;

    // Killed while a stream is open.
    let mut stream = gateway.api.stream(Some(&last)).await;
    let (id, _) = stream.next_event(PATIENCE).await.expect("another event");
    gateway.process.signal_group(libc::SIGKILL);
    ids.push(id.clone());
    last = id;
    while let Some(block) = stream.next().await {
        // What came whole has been received, whatever happened to the sender.
        if block.is_durable() {
            let id = block.id.expect("a durable event has an id");
            ids.push(id.clone());
            last = id;
        }
    }
    gateway.process.ended().await;

    let gateway = Gateway::start(&case, &options, &simulators).await;
    one_by_one(&gateway.api, &mut ids, &mut last, 30).await;

    let twin = gateway.api.events_after(&beginning).await;
    let twin: Vec<_> = twin.into_iter().filter_map(|event| event.id).collect();
    assert!(ids.len() > 120, "{}", ids.len());
    assert_eq!(ids, twin[..ids.len()], "no gap and no duplicate");
}

#[tokio::test]
async fn filtered_streams_show_what_fits_and_resume_with_any_filter() {
    let case = Case::begin().await;
    let world = SimulateOptions {
        deployment_every: 0.5,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let gateway = Gateway::start(&case, &ServeOptions::default(), &simulators).await;
    let beginning = gateway.api.event_cursor().await;
    let (mut ids, mut last) = (Vec::new(), beginning.clone());
    // One filter after the other, each from where the one before ended: a position means the same for all of them.
    let filters = [
        "?provider=cloud66",
        "?provider=scalingo",
        "?type=deployment.finished",
        "",
    ];
    for filter in filters.iter().cycle().take(12) {
        let stream = gateway.api.try_stream(filter, Some(&last)).await;
        let (id, event) = stream
            .expect("a stream")
            .next_event(PATIENCE)
            .await
            .expect("an event that fits");
        match *filter {
            "" => {}
            "?type=deployment.finished" => assert_eq!(event.r#type, "deployment.finished"),
            provider => assert_eq!(event.provider.as_deref(), provider.strip_prefix("?provider=")),
        }
        last.clone_from(&id);
        ids.push(id);
    }
    let twin = gateway.api.events_after(&beginning).await;
    let order: Vec<_> = twin.into_iter().filter_map(|event| event.id).collect();
    let places: Vec<_> = ids
        .iter()
        .map(|id| order.iter().position(|known| known == id))
        .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "in the order of the log: {places:?}"
    );
}
