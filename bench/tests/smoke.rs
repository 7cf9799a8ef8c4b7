//! The bench itself works: a small run against the echo bot prints a whole table. No figure is judged here.

use std::process::Command;

#[test]
fn a_small_run_against_the_echo_bot_prints_every_figure() {
    let output = Command::new(env!("CARGO_BIN_EXE_teahouse-bench"))
        .args([
            "--only",
            "echo",
            "--pairs",
            "1",
            "--questions",
            "200",
            "--talk",
            "500",
        ])
        .args(["--echo", env!("CARGO_BIN_EXE_teahouse-echo")])
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{err}");
    for row in [
        "CPU a question, closed loop",
        "talk, messages a second",
        "memory, idle",
        "spawn to \"ready\"",
    ] {
        assert!(
            out.contains(&format!("\n| {row}")),
            "{row} is missing in:\n{out}"
        );
    }
    for row in [
        "closed loop, unanswered",
        "burst of 500, unanswered",
        "said besides answers",
    ] {
        assert!(
            out.contains(&format!("\n| {row} | 0 (0–0) |")),
            "{row} is not 0 in:\n{out}"
        );
    }
}

#[test]
fn a_program_that_ends_at_once_is_an_error_with_its_words() {
    let output = Command::new(env!("CARGO_BIN_EXE_teahouse-bench"))
        .args([
            "--only",
            "echo",
            "--pairs",
            "1",
            "--echo",
            env!("CARGO_BIN_EXE_teahouse-bench"),
        ])
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(err.contains("has ended with"), "{err}");
}
