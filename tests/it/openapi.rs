//! The contract that is committed is the one that is printed and the one that is served.

use slipway_tests::{Case, Demo, DemoOptions, Process, workspace};

const CONTRACTS: [(&str, &[&str], &str); 2] = [
    ("openapi/slipway-v1.json", &["openapi"], "/openapi.json"),
    (
        "openapi/slipway-v1.compat.json",
        &["openapi", "--compat"],
        "/openapi-3.0.json",
    ),
];

#[tokio::test]
async fn the_documents_are_the_same_wherever_they_are_read() {
    let case = Case::begin().await;
    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    // Without a token, too: they are public.
    let anybody = slipway_tests::Api::new(demo.api.base(), "");
    for (file, command, path) in CONTRACTS {
        let committed = std::fs::read_to_string(workspace().join(file))
            .expect("`cargo xtask openapi` writes it, and it is committed");
        let printed = Process::start(case.command(command)).ended().await;
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        let printed = printed.stdout.join("\n") + "\n";
        assert!(
            printed == committed,
            "{file} is out of date: run `cargo xtask openapi` and commit it"
        );
        let served = anybody.get(path).await;
        assert_eq!((served.status, served.text == committed), (200, true), "{path}");
    }
    demo.interrupt().await;
}
