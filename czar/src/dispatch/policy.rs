//! What to do about an error of a worker: the one place that maps MariaDB error codes to actions.
//!
//! Keeps true (docs/design/query.md#error-policy): a statement fails only for a reason that would
//! hold on every replica. Whatever speaks of one server's state (a table it lacks, a full disk, a
//! shutdown) sends the task to another replica; whatever speaks of the size of a batch splits it.

/// What the dispatcher does after a task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The worker lacks the table, or cannot open it now: ask another replica, then agents for a
    /// newer catalog.
    Missing,
    /// This worker cannot answer; another replica may.
    RetryElsewhere,
    /// The worker is overloaded or refuses us: leave it alone for a while and ask another replica.
    BackOff,
    /// The statement is too large as a batch: send its parts one by one.
    Split,
    /// Statements sent as one may have changed each other's values: send them one by one to the
    /// same worker.
    Apart,
    /// The same error would come from every replica: it is the user's answer.
    Fail,
}

/// The action for a MariaDB error code.
pub fn action(code: u16) -> Action {
    match code {
        // No such table or database, table not in the engine, tablespace missing or discarded. A
        // lock wait timeout counts as 1146 (docs/design/catalog.md#missing-tables): a DROP or an
        // import holds the table.
        1049 | 1051 | 1146 | 1205 | 1812..=1814 | 1932 => Action::Missing,
        // Limits on connections and threads, memory of the server, refused log-in or rights of our
        // own account.
        1037
        | 1038
        | 1040
        | 1041
        | 1044
        | 1045
        | 1129..=1133
        | 1135
        | 1142
        | 1143
        | 1203
        | 1226
        | 1251
        | 1275
        | 1698
        | 1862 => Action::BackOff,
        // Shutdown, aborted and killed connections, network errors (1317 is somebody else's kill: a
        // statement that we cancelled never asks); damaged or unreadable files, errors of the
        // storage engine, full disk, deadlock, statement to be prepared again.
        1..=30
        | 1004..=1006
        | 1012..=1036
        | 1053
        | 1077..=1080
        | 1105
        | 1152
        | 1158..=1161
        | 1184
        | 1194
        | 1195
        | 1213
        | 1290
        | 1317
        | 1615
        | 1712
        | 1815
        | 1836
        | 1877
        | 1927
        | 1973
        | 2006
        | 2013 => Action::RetryElsewhere,
        // Temporary table full, too many tables, statement too large for the stack or the packet.
        1114 | 1116 | 1119 | 1153 | 1436 => Action::Split,
        _ => Action::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_not_there_or_is_locked_sends_the_chunk_to_another_replica() {
        for code in [1146, 1049, 1205, 1932, 1814] {
            assert_eq!(action(code), Action::Missing, "{code}");
        }
    }

    #[test]
    fn errors_of_one_server_are_retried_on_another() {
        for code in [1053, 1317, 1927, 2013, 1030, 1034, 1021, 3, 28, 1213] {
            assert_eq!(action(code), Action::RetryElsewhere, "{code}");
        }
    }

    #[test]
    fn a_crowded_worker_is_left_alone_for_a_while() {
        for code in [1040, 1203, 1226, 1045] {
            assert_eq!(action(code), Action::BackOff, "{code}");
        }
    }

    #[test]
    fn a_batch_that_is_too_large_is_split() {
        for code in [1153, 1116, 1114, 1436] {
            assert_eq!(action(code), Action::Split, "{code}");
        }
    }

    #[test]
    fn errors_of_the_statement_itself_are_the_answer() {
        for code in [1690, 1365, 1242, 1054, 1064, 1969, 1969, 1292, 1305] {
            assert_eq!(action(code), Action::Fail, "{code}");
        }
    }
}
