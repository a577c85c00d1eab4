//! Tables that a newer version has declared.

use crate::common::typical;
use orrery_archive::catalog::TableKey;
use orrery_plan::plan;

#[test]
fn a_table_that_was_not_read_is_refused_by_name_and_others_are_planned() {
    let mut catalog = typical();
    let key = TableKey::new("sky", "Source");
    catalog.tables.remove(&key);
    catalog.unread.tables.insert(key, "a new role".into());
    for sql in [
        "SELECT COUNT(*) FROM Source",
        "SELECT o.run FROM Object o JOIN Source s ON o.objectId = s.objectId",
        "SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM Source)",
    ] {
        let error = plan(sql, &catalog, Some("sky")).unwrap_err().mysql();
        assert_eq!(error.code, 1105, "{sql}: {}", error.message);
        assert!(error.message.contains("sky.Source"), "{}", error.message);
    }
    assert!(plan("SELECT COUNT(*) FROM Object", &catalog, Some("sky")).is_ok());
}
