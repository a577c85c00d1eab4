use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::*;

/// More than two readings of one clock differ by on a busy machine, in seconds.
const NEAR: f64 = 20.0;
const AHEAD: i32 = 2 * 3600;

/// The wall clock, in seconds.
fn wall() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// This program as the child of a test: for each line it prints its wall clock, and the seconds since
/// it began by its monotonic one. Two threads ask for the time all the while, and are often stopped
/// in the middle of that.
#[test]
#[ignore = "the child of other tests"]
fn child() {
    for _ in 0..2 {
        std::thread::spawn(|| {
            loop {
                std::hint::black_box((Instant::now(), SystemTime::now()));
                (0..50).for_each(|at| {
                    std::hint::black_box(at);
                });
            }
        });
    }
    let began = Instant::now();
    for line in std::io::stdin().lines() {
        line.unwrap();
        println!("clocks {} {}", wall(), began.elapsed().as_secs_f64());
    }
}

struct Clocks {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    began: Instant,
}

impl Clocks {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "clock::tests::child", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut clocks = Self {
            questions: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
            began: Instant::now(),
        };
        clocks.read();
        clocks.began = Instant::now();
        clocks
    }

    /// Wall clock and monotonic clock, as the child sees them.
    fn read(&mut self) -> (f64, f64) {
        writeln!(self.questions).unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "it died");
            // The program prints other lines of its own, and one without an end.
            if let Some((_, clocks)) = line.split_once("clocks ") {
                let mut clocks = clocks.split_whitespace().map(|it| it.parse().unwrap());
                return (clocks.next().unwrap(), clocks.next().unwrap());
            }
        }
    }

    /// By how much its wall clock is ahead; its monotonic clock must be right.
    fn ahead(&mut self) -> f64 {
        let (its_wall, since) = self.read();
        let truly = self.began.elapsed().as_secs_f64();
        assert!((since - truly).abs() < NEAR, "{since} s, not {truly} s");
        its_wall - wall()
    }
}

impl Drop for Clocks {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_wall_clock_alone_is_shifted_and_right_again_under_threads_that_ask_for_it() {
    let mut clocks = Clocks::start();
    assert!(clocks.ahead().abs() < NEAR);
    for seconds in [AHEAD, -AHEAD, 300, -300] {
        let skewed = Skewed::begin(clocks.child.id(), seconds).unwrap();
        let off = clocks.ahead() - f64::from(seconds);
        assert!(off.abs() < NEAR, "{seconds} s: off by {off} s");
        skewed.end().unwrap();
        assert!(clocks.ahead().abs() < NEAR);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn no_function_is_changed_while_a_thread_is_within_it() {
    let clocks = Clocks::start();
    // With the kernel's help each question takes long enough that threads are stopped in it.
    let skewed = Skewed::begin(clocks.child.id(), AHEAD).unwrap();
    for _ in 0..20 {
        let still = Still::outside(&skewed.process, &skewed.vdso).unwrap();
        let places = skewed.process.places().unwrap();
        assert!(places.len() > 2, "{places:x?}");
        let within = |at: &u64| skewed.vdso.contains(at);
        assert!(!places.iter().any(within), "{places:x?}");
        drop(still);
    }
    skewed.end().unwrap();
}

/// bash asks by `gettimeofday` and `time`.
#[cfg(target_arch = "x86_64")]
#[test]
fn every_way_to_ask_for_the_wall_clock_is_shifted() {
    let ask = "while read -r; do printf '%s %(%s)T\n' \"$EPOCHREALTIME\" -1; done";
    let mut child = Command::new("bash")
        .args(["-c", ask])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut ahead = || {
        writeln!(questions).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let clocks = line.split_whitespace();
        clocks
            .map(|it| it.parse::<f64>().unwrap() - wall())
            .collect::<Vec<_>>()
    };
    assert!(ahead().iter().all(|off| off.abs() < NEAR));
    let skewed = Skewed::begin(child.id(), AHEAD).unwrap();
    let shifted = ahead();
    assert_eq!(shifted.len(), 2);
    assert!(
        shifted
            .iter()
            .all(|off| (off - f64::from(AHEAD)).abs() < NEAR),
        "{shifted:?}"
    );
    skewed.end().unwrap();
    assert!(ahead().iter().all(|off| off.abs() < NEAR));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_process_that_ended_needs_nothing() {
    let clocks = Clocks::start();
    let skewed = Skewed::begin(clocks.child.id(), AHEAD).unwrap();
    drop(clocks);
    skewed.end().unwrap();
}

#[test]
fn fields_are_counted_after_a_name_with_blanks_and_parentheses() {
    let stat = "12 (a b) c) S 1 2 3";
    assert_eq!((field(stat, 3), field(stat, 6)), (Some("S"), Some("3")));
    assert_eq!((field(stat, 7), field("12", 3)), (None, None));
}

#[test]
fn a_thread_that_runs_is_at_no_place() {
    assert_eq!(place("running\n"), None);
    assert_eq!(place("-1 0x7ffc10 0x7f00\n"), Some(0x7f00));
    assert_eq!(
        place("202 0x1 0x2 0x0 0x0 0x0 0x0 0x7ffc10 0x7f10\n"),
        Some(0x7f10)
    );
}
