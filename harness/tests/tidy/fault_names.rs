//! The judge never compares names of faults: each fault carries its effect.

use crosspod::nemesis::FAULTS;

use super::sources::sources;
use super::tokens::{tokens, without_tests};

/// Folders of the judge that hold only code of tests.
const OF_TESTS: [&str; 2] = ["harness/src/judge/testing/", "harness/src/judge/strangers/"];

/// True if a file holds only code of tests: one in such a folder, or the tests of a module in a file of their own.
fn is_of_tests(path: &str) -> bool {
    OF_TESTS.iter().any(|folder| path.starts_with(folder)) || path.ends_with("/tests.rs")
}

/// The texts in code that name a fault: as it is, of a link, or at a failpoint.
fn named(code: &str) -> Vec<&str> {
    let tokens = tokens(code);
    let texts = without_tests(&tokens).0.into_iter();
    let texts = texts.filter_map(|token| token.strip_prefix('"')?.strip_suffix('"'));
    let names_one = |text: &&str| {
        FAULTS.iter().any(|fault| {
            let of_link = text.strip_suffix(fault.name).is_some_and(|link| link.ends_with('-'));
            *text == fault.name || of_link || text.starts_with("hold at")
        })
    };
    texts.filter(names_one).collect()
}

#[test]
fn the_judge_knows_no_fault_by_its_name() {
    let mut seen = 0;
    for source in sources("harness/src/judge") {
        if !is_of_tests(&source.path) {
            assert_eq!(named(&source.text), Vec::<&str>::new(), "{}", source.path);
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} sources of the judge");
}

#[test]
fn a_name_of_a_fault_is_found_outside_tests_alone() {
    let code = r#"
        fn f() { is("kill", "nats-reset", "hold at inside-drain", "killed", "kill it") }
        #[cfg(test)]
        mod tests { fn g() { is("pause") } }
    "#;
    assert_eq!(named(code), ["kill", "nats-reset", "hold at inside-drain"]);
}
