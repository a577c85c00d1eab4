//! What fuzzers begin with, and what they once found, fails no more.

use orrery_fuzz::Target;

/// Feeds a target its seeds, on a thread with as much stack as those of a czar have.
fn feed(target: Target) {
    let seeds = target.seeds();
    assert!(!seeds.is_empty());
    let feed = move || {
        for seed in seeds {
            target.feed(&seed);
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(feed).unwrap().join().unwrap();
}

#[test]
fn statements_keep_their_seeds() {
    feed(Target::Statements);
}

#[test]
fn plans_keep_their_seeds() {
    feed(Target::Plans);
}

#[test]
fn long_statements_keep_their_seeds() {
    feed(Target::Long);
}

#[test]
fn packets_keep_their_seeds() {
    feed(Target::Packets);
}
