//! `QueryUser` and `QueryRole`.

use serde_json::json;

use crate::case::{Case, Kind};

pub fn users() -> Vec<Case> {
    let mut user = Kind::new(
        "QueryUser",
        json!({"user": "ada", "passwordSecret": "ada", "grants": [{"database": "sky"}]}),
    );
    user.accepts(
        "everything",
        json!({"spec": {"grants": [{"database": "*"}], "class": "admin", "limits": {"maxRows": 1}}}),
    );
    user.accepts(
        "an end of its validity",
        json!({"spec": {"validUntil": "2027-01-01T00:00:00Z"}}),
    );
    user.refuses(
        "an end that is no time",
        json!({"spec": {"validUntil": "tomorrow"}}),
        &["spec.validUntil: Invalid value: \"tomorrow\": spec.validUntil in body must be of type date-time: \"tomorrow\""],
    );
    let reserved = [
        "spec: this user name is reserved: root, mysql, mariadb.sys, public, and names that begin with orrery_",
    ];
    for name in ["root", "PUBLIC", "mariadb.sys", "orrery_reader", "Orrery_x"] {
        user.refuses(
            "a name of the server or ours",
            json!({"spec": {"user": name}}),
            &reserved,
        );
    }
    user.refuses(
        "a name with a space",
        json!({"spec": {"user": "a b"}}),
        &["spec.user: Invalid value: \"a b\": spec.user in body should match '^[A-Za-z0-9_.@-]+$'"],
    );
    grants(&mut user);
    user.accepts(
        "roles, whether they are there or not",
        json!({"spec": {"roles": ["survey", "lab.staff"], "grants": []}}),
    );
    user.refuses(
        "a role that no object can be called",
        json!({"spec": {"roles": ["Survey"]}}),
        &["spec.roles[0]: Invalid value: \"Survey\": spec.roles[0] in body should match '^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$'"],
    );
    user.refuses(
        "a limit of no rows",
        json!({"spec": {"limits": {"maxRows": 0}}}),
        &["spec.limits.maxRows: Invalid value: 0: spec.limits.maxRows in body should be greater than or equal to 1"],
    );
    user.refuses_change(
        "another name",
        json!({}),
        json!({"spec": {"user": "bob"}}),
        &["<nil>: a user's name never changes: make another QueryUser"],
    );
    user.accepts_change(
        "another secret",
        json!({}),
        json!({"spec": {"passwordSecret": "new"}}),
    );
    user.done()
}

fn grants(user: &mut Kind) {
    user.refuses(
        "a grant by pattern",
        json!({"spec": {"grants": [{"database": "sk*"}]}}),
        &["spec.grants[0].database: Invalid value: \"sk*\": spec.grants[0].database in body should match '^([*]|[A-Za-z][A-Za-z0-9_]*)$'"],
    );
    user.accepts(
        "tables and beginnings of their names",
        json!({"spec": {"grants": [{"database": "sky", "tables": ["Object", "Forced*"]}]}}),
    );
    user.refuses(
        "tables of every database",
        json!({"spec": {"grants": [{"database": "*", "tables": ["Object"]}]}}),
        &["spec.grants[0]: tables are those of one database: name it instead of `*`"],
    );
    user.refuses(
        "a list of no tables",
        json!({"spec": {"grants": [{"database": "sky", "tables": []}]}}),
        &["spec.grants[0].tables: Invalid value: 0: spec.grants[0].tables in body should have at least 1 items"],
    );
    user.refuses(
        "a pattern in the middle",
        json!({"spec": {"grants": [{"database": "sky", "tables": ["Ob*ect"]}]}}),
        &["spec.grants[0].tables[0]: Invalid value: \"Ob*ect\": spec.grants[0].tables[0] in body should match '^[A-Za-z][A-Za-z0-9_]*[*]?$'"],
    );
}

pub fn roles() -> Vec<Case> {
    let mut role = Kind::new("QueryRole", json!({"grants": [{"database": "sky"}]}));
    role.accepts(
        "databases and tables",
        json!({"spec": {"grants": [{"database": "*"}, {"database": "lab", "tables": ["Object", "Forced*"]}]}}),
    );
    role.refuses(
        "tables of every database",
        json!({"spec": {"grants": [{"database": "*", "tables": ["Object"]}]}}),
        &["spec.grants[0]: tables are those of one database: name it instead of `*`"],
    );
    role.refuses(
        "a role that grants nothing",
        json!({"spec": {"grants": []}}),
        &["spec.grants: Invalid value: 0: spec.grants in body should have at least 1 items"],
    );
    role.accepts_change(
        "other grants",
        json!({}),
        json!({"spec": {"grants": [{"database": "lab"}]}}),
    );
    role.done()
}
