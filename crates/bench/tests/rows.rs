//! Every row that needs no other server is measured, in its smallest size: a benchmark that nobody can run any more is found
//! out here. The figures mean nothing and are not looked at.

use std::process::Command;

#[test]
fn every_row_can_be_measured() {
    let document = std::env::temp_dir().join(format!("slipway-bench-{}.md", std::process::id()));
    let plot = document.with_extension("svg");
    std::fs::write(
        &document,
        "before\n<!-- table -->\nold\n<!-- end of the table -->\nafter\n",
    )
    .expect("a document");
    let output = Command::new(env!("CARGO_BIN_EXE_slipway-bench"))
        .args([
            "all",
            "--without-peers",
            "--rounds",
            "1",
            "--seconds",
            "0.1",
            "--deployments",
            "500",
        ])
        .args([
            "--connections",
            "2",
            "--subscribers",
            "20",
            "--behind",
            "200",
            "--grow-to",
            "1000",
        ])
        .args(["--day-applications", "100", "--day-hours", "1"])
        .arg("--plot")
        .arg(&plot)
        .arg("--gateway")
        .arg(slipway_tests::slipway())
        .arg("--write")
        .arg(&document)
        .output()
        .expect("the benchmarks run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let written = std::fs::read_to_string(&document).expect("the document");
    std::fs::remove_file(&document).expect("removed");
    let drawn = std::fs::read_to_string(&plot).expect("the plot");
    std::fs::remove_file(&plot).expect("removed");
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"), "{drawn}");
    assert!(written.starts_with("before\n<!-- table -->\n"), "{written}");
    assert!(written.ends_with("<!-- end of the table -->\nafter\n"), "{written}");
    for row in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] {
        assert!(
            written.contains(&format!("\n| {row} | ")),
            "row {row} is missing: {written}"
        );
    }
    // No event is lost or comes twice, whatever the machine is busy with.
    let wrong: Vec<_> = written
        .lines()
        .filter(|line| line.contains("lost or out of order") && !line.contains("| 0 "))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
