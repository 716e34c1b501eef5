//! The contract that is committed is the one that is printed and the one that is served.

use slipway_tests::{Case, Demo, DemoOptions, Process, workspace};

#[tokio::test]
async fn the_document_is_the_same_wherever_it_is_read() {
    let case = Case::begin().await;
    let committed = std::fs::read_to_string(workspace().join("openapi/slipway-v1.json"))
        .expect("`cargo xtask openapi` writes it, and it is committed");
    let printed = Process::start(case.command(&["openapi"])).ended().await;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let printed = printed.stdout.join("\n") + "\n";
    assert!(
        printed == committed,
        "out of date: run `cargo xtask openapi` and commit it"
    );

    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    // Without a token, too: it is public.
    let served = slipway_tests::Api::new(demo.api.base(), "").get("/openapi.json").await;
    assert_eq!((served.status, served.text == committed), (200, true));
    demo.interrupt().await;
}
