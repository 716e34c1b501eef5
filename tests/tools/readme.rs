//! The examples of README.md, run as printed against a demo. Only the address differs, because its port is a free one.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use slipway_tests::{Case, Demo, DemoOptions, Process, install_node_packages, require_tools, slipway, workspace};

const PRINTED_ADDRESS: &str = "http://127.0.0.1:8080";

/// The blocks that begin with `# example: NAME` or `// example: NAME`, by name.
fn examples(language: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(workspace().join("README.md")).expect("README.md is text");
    let mut found = BTreeMap::new();
    for block in text.split(&format!("\n```{language}\n")).skip(1) {
        let (code, _) = block.split_once("\n```").expect("the block ends");
        let first = code.lines().next().unwrap_or_default();
        if let Some((_, name)) = first.split_once(" example: ") {
            found.insert(name.to_owned(), code.to_owned());
        }
    }
    found
}

/// Every shell block that asks the gateway is an example with a name, so that none escapes this test.
#[test]
fn every_block_with_curl_is_an_example() {
    let text = std::fs::read_to_string(workspace().join("README.md")).expect("README.md is text");
    let blocks = text
        .split("\n```sh\n")
        .skip(1)
        .filter_map(|block| block.split("\n```").next());
    for block in blocks.filter(|block| block.contains("curl")) {
        assert!(block.starts_with("# example: "), "{block}");
    }
}

fn started(case: &Case, demo: &Demo, mut command: Command) -> Process {
    command.current_dir(case.folder()).env("TOKEN", demo.api.token());
    command
        .env("SLIPWAY_URL", demo.api.base())
        .env("SLIPWAY_TOKEN", demo.api.token());
    // The README calls the program by its name.
    let folder = slipway()
        .parent()
        .expect("a file lies in a folder")
        .display()
        .to_string();
    command.env(
        "PATH",
        format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()),
    );
    Process::start(command)
}

#[tokio::test]
async fn the_examples_for_the_shell() {
    require_tools(&["sh", "curl", "jq"]);
    let case = Case::begin().await;
    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    let mut examples = examples("sh");
    let mut shell = |name: &str| {
        let code = examples.remove(name).unwrap_or_else(|| panic!("an example `{name}`"));
        assert!(code.contains(PRINTED_ADDRESS) || code.contains("slipway "), "{code}");
        let mut command = Command::new("sh");
        // A failing part of a pipe is a failure here, as it would be for who pastes it.
        command.args(["-e", "-c", &code.replace(PRINTED_ADDRESS, demo.api.base())]);
        started(&case, &demo, command)
    };

    // The stream first: what the others take time for, it has to tell.
    let mut stream = shell("stream");
    for (name, expected) in [
        ("list", ["cloud66", "scalingo"].as_slice()),
        ("timeline", &["\"items\""]),
        ("accounts", &["cloud66-demo", "scalingo-demo", "rate_budget"]),
        ("follow", &["-"]),
        ("trigger", &["cloud66", "scalingo"]),
        ("command line", &["APPLICATION"]),
    ] {
        // `slipway wait` takes as long as the deployment, and 5 minutes at most.
        let ended = shell(name).ended_within(Duration::from_secs(330)).await;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let said = ended.stdout.join("\n");
        assert!(expected.iter().any(|word| said.contains(word)), "{name}: {said}");
        assert!(!said.contains("null\nnull"), "{name} finds what it asks for: {said}");
    }
    stream
        .wait_for_stdout("the stream tells of a finished deployment", |line| {
            (line == "event: deployment.finished").then_some(())
        })
        .await;
    stream.signal_group(libc::SIGINT);
    stream.ended().await;
    assert_eq!(
        examples.keys().collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "all of them were run"
    );
    demo.interrupt().await;
}

#[tokio::test]
async fn the_examples_in_javascript() {
    require_tools(&["node", "npm"]);
    let packages = workspace().join("tests/clients/readme-js");
    install_node_packages(&packages).await;
    let case = Case::begin().await;
    std::os::unix::fs::symlink(packages.join("node_modules"), case.path("node_modules")).expect("a link");
    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    let mut running = Vec::new();
    let examples = examples("js");
    assert_eq!(examples.len(), 2);
    for (name, code) in examples {
        let file = case.path(&format!("{name}.mjs"));
        std::fs::write(&file, code).expect("the case's folder is writable");
        let mut command = Command::new("node");
        command.arg(file);
        running.push((name, started(&case, &demo, command)));
    }
    for (name, process) in &mut running {
        process
            .wait_for_stdout(&format!("`{name}` tells of a deployment"), |line| {
                (line.contains("cloud66") || line.contains("scalingo")).then_some(())
            })
            .await;
    }
    for (_, process) in running {
        process.signal_group(libc::SIGTERM);
        process.ended_within(Duration::from_secs(30)).await;
    }
    demo.interrupt().await;
}
