//! Text to a plan, and to the statements that it sends.

use orrery_archive::catalog::Catalog;
use orrery_plan::statement::{Statement, classify};
use orrery_plan::{Keyed, KeyedPlan, Merge, Plan, Way, Work, explain, plan, plan_by};

use crate::catalog::catalog;

/// Plans a text in both ways and looks at all that a plan can say.
pub(crate) fn feed(sql: &str) {
    let catalog = catalog();
    for way in [Way::Planned, Way::Gathered] {
        match plan_by(way, sql, &catalog, Some("sky")) {
            Ok(plan) => check(&plan, &catalog),
            Err(error) => {
                let error = error.mysql();
                assert!(!error.message.is_empty(), "an error without a word");
            }
        }
    }
    check_key(sql, &catalog);
}

/// The plan of a statement that differs from others in one key is its own.
fn check_key(sql: &str, catalog: &Catalog) {
    let Some(keyed) = Keyed::of(sql) else {
        return;
    };
    let Some(by_key) = KeyedPlan::new(&keyed, catalog, Some("sky")) else {
        return;
    };
    let own = plan(sql, catalog, Some("sky"));
    assert_eq!(Ok(by_key.with_key(keyed.key())), own, "{sql}");
}

/// Every text that a plan sends is one SELECT.
fn check(plan: &Plan, catalog: &Catalog) {
    let lines = explain(plan);
    assert!(!lines.is_empty(), "nothing to explain");
    if let Work::Gather(gather) = &plan.work {
        for scan in &gather.scans {
            let _ = scan.create_sql();
            let _ = scan.columns_sql();
            check(&scan.plan, catalog);
        }
    }
    let plan = plan.clone().without_lookup();
    let renderer = plan.renderer(catalog);
    let refusal = renderer.as_ref().err();
    assert!(refusal.is_none(), "a plan of this catalog: {refusal:?}");
    let renderer = renderer.ok().flatten();
    match (&plan.work, renderer) {
        (Work::Chunks(work), Some(renderer)) => {
            let parts = renderer.parts(&work.selection).unwrap_or_default();
            for part in &parts {
                renderer
                    .statements(part)
                    .iter()
                    .for_each(|sql| is_select(sql));
            }
            if let Merge::Shadow(merge) = &work.merge {
                is_select(&merge.merge_sql("`scratch`.`t`"));
                is_select(merge.partial_over_shadow());
            }
        }
        (Work::AnyWorker(_), Some(renderer)) => is_select(&renderer.whole()),
        _ => {}
    }
}

fn is_select(sql: &str) {
    let class = classify(sql);
    let reads = matches!(class, Ok(Statement::Select | Statement::SelectWithoutTable));
    assert!(reads, "{sql} is {class:?}");
}
