//! What fuzzers begin with, and what they once found, fails no more.

use orrery_fuzz::Target;

/// Feeds a target its seeds, on a thread with as much stack as those of a czar have; says whether it
/// took them all.
fn takes_its_seeds(target: Target) -> bool {
    let seeds = target.seeds();
    assert!(!seeds.is_empty());
    let feed = move || {
        for seed in seeds {
            target.feed(&seed);
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(feed).is_ok_and(|thread| thread.join().is_ok())
}

#[test]
fn statements_keep_their_seeds() {
    assert!(takes_its_seeds(Target::Statements));
}

#[test]
fn plans_keep_their_seeds() {
    assert!(takes_its_seeds(Target::Plans));
}

#[test]
fn long_statements_keep_their_seeds() {
    assert!(takes_its_seeds(Target::Long));
}

#[test]
fn packets_keep_their_seeds() {
    assert!(takes_its_seeds(Target::Packets));
}
