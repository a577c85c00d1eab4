//! The settings we write for workers are settings that MariaDB has, with values it takes.

use std::collections::BTreeMap;
use std::process::Command;

use orrery_operator::pools::settings::my_cnf;
use orrery_operator::pools::settings::taken::TAKEN;

#[test]
fn mariadbd_knows_every_setting_and_keeps_every_value() {
    let folder = std::env::temp_dir().join(format!("orrery-settings-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("my.cnf");
    let own = BTreeMap::from([("innodb_io_capacity".to_owned(), "321".to_owned())]);
    std::fs::write(&file, my_cnf(&own, Some("1Gi")).unwrap()).unwrap();
    let output = Command::new("mariadbd")
        .arg(format!("--defaults-file={}", file.display()))
        // The directories of a worker are not there; the server looks for them before it prints.
        .arg(format!("--datadir={}", folder.display()))
        .arg(format!("--tmpdir={}", folder.display()))
        .arg(format!("--secure-file-priv={}", folder.display()))
        .args(["--user=root", "--verbose", "--help"])
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let (text, complaints) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{complaints}");
    assert!(!complaints.contains("unknown"), "{complaints}");
    let line = |name: &str| {
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next() == Some(name)).then_some(words))
    };
    let value = |name: &str| line(name).unwrap().next().unwrap().to_owned();
    for name in TAKEN {
        let name = name.replace('_', "-");
        assert!(line(&name).is_some(), "{name} can be set and is no setting");
    }
    for (name, wanted) in [
        ("innodb-buffer-pool-size", "536870912"),
        ("innodb-doublewrite", "TRUE"),
        ("innodb-flush-log-at-trx-commit", "1"),
        ("innodb-io-capacity", "321"),
        ("character-set-server", "utf8mb4"),
        ("collation-server", "utf8mb4_general_ci"),
        ("lower-case-table-names", "0"),
        (
            "sql-mode",
            "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
        ),
        ("performance-schema", "FALSE"),
        ("local-infile", "FALSE"),
    ] {
        assert_eq!(value(name), wanted, "{name}");
    }
}
