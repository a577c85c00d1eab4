//! How an authority takes the place of another: first everybody trusts both, then everybody has a
//! certificate by the new one, then the old one leaves. Each step waits until the last one has
//! reached every pod. Pure.

use k8s_openapi::jiff::Timestamp;

use super::authorities::{Authorities, Second};

/// Seconds that a step takes at least, after all Secrets were written: programs that say nothing of
/// themselves, such as loaders, have them by then.
const SETTLE: i64 = 600;
/// Names of pods in one sentence.
const NAMED: usize = 5;

/// What is known of a rotation.
pub struct Sight<'a> {
    /// The authorities.
    pub authorities: &'a Authorities,
    /// Whether the signer is to be replaced.
    pub due: bool,
    /// Whether every Secret has the certificate and the authorities that it should have.
    pub complete: bool,
    /// Since which second of Unix time that has been so, as far as it was noted.
    pub since: Option<i64>,
    /// Pods that do not say that they work with what their Secrets hold.
    pub late: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the next authority.
    Begin,
    /// Note that all Secrets are complete.
    Note,
    /// The next authority signs, or the last one leaves.
    Turn,
    /// Nothing yet, and why.
    Wait(String),
    /// Nothing.
    Rest,
}

/// The step of a rotation.
pub fn step(sight: &Sight<'_>) -> Step {
    let Some(second) = &sight.authorities.second else {
        return if sight.due { Step::Begin } else { Step::Rest };
    };
    let doing = match second {
        Second::Next(_) => "the next authority is announced",
        Second::Last(_) => "certificates are by the new authority, the last one is to leave",
    };
    if !sight.complete {
        return Step::Wait(format!("{doing}: Secrets are written"));
    }
    let Some(since) = sight.since else {
        return Step::Note;
    };
    if !sight.late.is_empty() {
        return Step::Wait(format!("{doing}: waits for {}", listed(sight.late)));
    }
    let left = since.saturating_add(SETTLE) - sight.now.as_second();
    if left > 0 {
        return Step::Wait(format!(
            "{doing}: until {} minutes have passed",
            SETTLE / 60
        ));
    }
    Step::Turn
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = names.len().saturating_sub(NAMED);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::{SETTLE, Sight, Step, step};
    use crate::secrets::authorities::{Authorities, Second};
    use crate::secrets::certificates::Pair;

    const NOW: i64 = 1_800_000_000;

    /// A second authority, whether a rotation is due, whether Secrets are complete, since when, who
    /// is late, and what follows.
    type Row<'a> = (
        Option<Second>,
        bool,
        bool,
        Option<i64>,
        &'a [&'a str],
        &'a str,
    );

    #[test]
    fn each_step_waits_until_the_last_one_is_everywhere() {
        let pair = || Pair {
            certificate: "certificate".into(),
            key: "key".into(),
        };
        let next = || Some(Second::Next(pair()));
        let last = || Some(Second::Last("certificate".into()));
        let settled = Some(NOW - SETTLE);
        let rows: [Row<'_>; 12] = [
            (None, false, true, None, &[], "Rest"),
            (None, true, true, None, &[], "Begin"),
            (next(), false, false, None, &[], "Secrets are written"),
            (next(), false, false, settled, &[], "Secrets are written"),
            (next(), false, true, None, &[], "Note"),
            (
                next(),
                false,
                true,
                settled,
                &["czar-0"],
                "waits for czar-0",
            ),
            (
                next(),
                false,
                true,
                Some(NOW - SETTLE + 1),
                &[],
                "10 minutes",
            ),
            (next(), true, true, settled, &[], "Turn"),
            (last(), false, false, settled, &[], "Secrets are written"),
            (last(), false, true, None, &[], "Note"),
            (
                last(),
                false,
                true,
                settled,
                &["a", "b", "c", "d", "e", "f"],
                "e and 1 more",
            ),
            (last(), true, true, settled, &[], "Turn"),
        ];
        for (second, due, complete, since, late, wanted) in rows {
            let authorities = Authorities {
                signer: pair(),
                second,
            };
            let late: Vec<String> = late.iter().map(ToString::to_string).collect();
            let sight = Sight {
                authorities: &authorities,
                due,
                complete,
                since,
                late: &late,
                now: Timestamp::from_second(NOW).unwrap(),
            };
            let step = match step(&sight) {
                Step::Wait(why) => why,
                other => format!("{other:?}"),
            };
            assert!(step.contains(wanted), "{step}: {wanted}");
        }
    }
}
