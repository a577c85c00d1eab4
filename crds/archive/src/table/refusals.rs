//! What MariaDB's errors say when a table is to be made.

/// Whether an error is about the table that was to be made, and not about the state of mysqld, its
/// disk or the connection.
pub fn speaks_of_table(code: u16, message: &str) -> bool {
    /// Errors whose reason is a number in their text.
    const WITH_NUMBER: [u16; 2] = [1005, 1030];
    /// Numbers of the handler for tables that an engine cannot have: a row too long, wrong options,
    /// a key that it cannot make, too many columns.
    const OF_TABLE: [u32; 5] = [139, 140, 150, 174, 185];
    /// In order: no such file (1004–1038: files, disk, memory), connections, rights, a database or
    /// table that another makes or drops, locks, shutdown, a read-only server, interruption, time.
    const OF_SERVER: [u16; 33] = [
        1004, 1006, 1007, 1008, 1010, 1016, 1017, 1020, 1021, 1025, 1026, 1034, 1036, 1037, 1038,
        1040, 1041, 1044, 1045, 1049, 1050, 1053, 1114, 1142, 1158, 1205, 1213, 1227, 1290, 1317,
        1836, 1927, 1969,
    ];
    if WITH_NUMBER.contains(&code) {
        let number = message.split("rrno: ").nth(1).unwrap_or(message);
        let digits: String = number
            .chars()
            .skip_while(|character| !character.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        return digits
            .parse()
            .is_ok_and(|number: u32| OF_TABLE.contains(&number));
    }
    !OF_SERVER.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_about_the_table_refuse_it() {
        for (code, message, refuses) in [
            (1118, "Row size too large", true),
            (1067, "Invalid default value for 'a'", true),
            (
                1005,
                "Can't create table `s`.`T` (errno: 140 \"Wrong create options\")",
                true,
            ),
            (
                1005,
                "Can't create table `s`.`T` (errno: 28 \"No space left on device\")",
                false,
            ),
            (
                1030,
                "Got error 139 \"Too big row\" from storage engine InnoDB",
                true,
            ),
            (
                1030,
                "Got error 28 \"No space left\" from storage engine InnoDB",
                false,
            ),
            (1205, "Lock wait timeout exceeded", false),
            (1317, "Query execution was interrupted", false),
        ] {
            assert_eq!(speaks_of_table(code, message), refuses, "{code} {message}");
        }
    }
}
