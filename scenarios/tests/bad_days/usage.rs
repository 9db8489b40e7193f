//! What is asked for is not there, or is asked for in a way that is not understood: refused before any engine is asked.

use std::time::Duration;

use crate::home::Home;

/// An engine that is asked would be told by its message instead.
const NO_ENGINE: &str = "unix:///no/such/engine.sock";
/// A refusal comes at once; this allows for a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(5);

#[test]
fn a_story_a_defect_and_a_design_that_are_not_there_are_named_with_those_that_are() {
    let home = Home::without_engine();
    let cases: [(&[&str], &str, &str); 3] = [
        (
            &["run", "owner_kiled"],
            "no story \"owner_kiled\"; there are: ",
            "owner_killed_mid_answer",
        ),
        (
            &["run", "--defect", "no-fence"],
            "no defect \"no-fence\"; there are: ",
            "no-fencing",
        ),
        (&["run", "--design", "logs"], "no design \"logs\"; there are: ", "log"),
    ];
    for (args, unknown, known) in cases {
        home.run_with("DOCKER_HOST", NO_ENGINE, args)
            .within(AT_ONCE)
            .says(&[unknown, known]);
    }
}

#[test]
fn usage_that_is_not_understood_exits_3_and_names_it() {
    let home = Home::without_engine();
    let cases: [(&[&str], &str); 10] = [
        (&[], "Usage: cargo crosspod <COMMAND>"),
        (&["frobnicate"], "'frobnicate'"),
        (&["run", "--frobnicate"], "'--frobnicate'"),
        (&["run", "--repeat", "0"], "'--repeat <N>'"),
        (&["run", "--seed", "soon"], "'--seed <SEED>'"),
        (&["up", "--postgres-port", "0"], "'--postgres-port <PORT>'"),
        (&["up", "--ready-secs", "0"], "'--ready-secs <N>'"),
        (&["up", "--allow-host", "build-host:2375"], "without scheme and port"),
        (&["run", "--dry-run", "--hold"], "'--hold'"),
        (&["recheck"], "<FOLDER>"),
    ];
    for (args, named) in cases {
        let ended = home.run_with("DOCKER_HOST", NO_ENGINE, args);
        ended.within(AT_ONCE);
        assert_eq!(ended.code(), Some(3), "{args:?}\n{}", ended.all());
        assert!(ended.stderr.contains(named), "{args:?}: no {named:?}\n{}", ended.all());
        assert!(!ended.stderr.contains("panicked"), "{args:?}\n{}", ended.all());
    }
}

#[test]
fn help_is_no_error() {
    let home = Home::without_engine();
    for args in [&["--help"][..], &["run", "--help"], &["up", "--help"], &["--version"]] {
        let ended = home.run_with("DOCKER_HOST", NO_ENGINE, args);
        ended.within(AT_ONCE);
        assert_eq!(ended.code(), Some(0), "{args:?}\n{}", ended.all());
        assert!(
            ended.stdout.contains("crosspod") && ended.stderr.is_empty(),
            "{args:?}\n{}",
            ended.all()
        );
    }
}
