//! Tries every input of the fuzz targets' corpora, whole and cut short, without a fuzzer.

#[path = "../fuzz/src/bodies.rs"]
pub mod bodies;

use std::fs;
use std::path::Path;

/// Into how many lengths an input is cut besides its own.
const LENGTHS: usize = 16;
/// Most that all corpora may take, in bytes: they are read on every run, and by people.
const CORPORA_MAX: usize = 200_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).expect("a corpus");
    let inputs: Vec<Vec<u8>> = files
        .map(|file| fs::read(file.expect("an entry").path()).expect("an input"))
        .collect();
    assert!(inputs.len() >= 10, "{} inputs for {target}", inputs.len());
    inputs
}

fn try_each(target: &str, body: fn(&[u8])) {
    for input in corpus(target) {
        body(&input);
        for cut in 1..LENGTHS {
            body(&input[..input.len() * cut / LENGTHS]);
        }
    }
}

#[test]
fn tails() {
    try_each("sse", bodies::sse);
}

#[test]
fn tokens() {
    try_each("token", bodies::token);
}

#[test]
fn histories() {
    try_each("history", bodies::history);
}

#[test]
fn the_corpora_are_small() {
    let size: usize = ["sse", "token", "history"]
        .into_iter()
        .flat_map(corpus)
        .map(|input| input.len())
        .sum();
    assert!(size < CORPORA_MAX, "{size} bytes");
}
