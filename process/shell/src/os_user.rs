//! The operating system's name of the user that runs the program. mysqld lets its own accounts of that
//! name in over the local socket; on some clusters each namespace has another user.

use std::os::unix::fs::MetadataExt as _;

/// The user's name, or its number when it has none: no account is called that, so that a log-in
/// fails and names it.
pub fn os_user() -> String {
    let uid = std::fs::metadata("/proc/self").map(|process| process.uid());
    let uid = uid.map_or_else(|error| error.to_string(), |uid| uid.to_string());
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(&uid, &users).unwrap_or(uid)
}

fn name_of(uid: &str, users: &str) -> Option<String> {
    let mut users = users.lines().map(|line| line.split(':'));
    users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1) == Some(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_user_is_found_by_its_number_and_not_by_its_group() {
        let users = "root:x:0:0::/root:/bin/sh\ndata:x:7:65532::/:/bin/false\norrery:x:65532:7::/:/bin/false\n";
        assert_eq!(name_of("0", users).as_deref(), Some("root"));
        assert_eq!(name_of("65532", users).as_deref(), Some("orrery"));
        assert_eq!(name_of("5", users), None);
    }
}
