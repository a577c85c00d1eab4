//! Statements now running, by connection id, so that another connection can kill them.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Running statements.
#[derive(Default)]
pub struct Registry(Mutex<HashMap<u32, Entry>>);

struct Entry {
    /// Ends when the connection is to be closed.
    connection: CancellationToken,
    /// Ends when the statement running now, if there is one, is to stop.
    statement: Option<CancellationToken>,
}

impl Registry {
    /// Enters a connection; the token ends when somebody kills the connection itself.
    pub fn connect(&self, id: u32) -> CancellationToken {
        let token = CancellationToken::new();
        let entry = Entry {
            connection: token.clone(),
            statement: None,
        };
        self.0.lock().insert(id, entry);
        token
    }

    /// Removes a connection.
    pub fn disconnect(&self, id: u32) {
        self.0.lock().remove(&id);
    }

    /// Enters the statement that the connection begins.
    pub fn begin(&self, id: u32) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some(entry) = self.0.lock().get_mut(&id) {
            entry.statement = Some(token.clone());
        }
        token
    }

    /// The connection's statement is over; a kill that comes later meets nothing.
    pub fn end(&self, id: u32) {
        if let Some(entry) = self.0.lock().get_mut(&id) {
            entry.statement = None;
        }
    }

    /// Stops the statement of a connection. False when there is no such connection.
    pub fn kill_query(&self, id: u32) -> bool {
        let connections = self.0.lock();
        let Some(entry) = connections.get(&id) else {
            return false;
        };
        if let Some(statement) = &entry.statement {
            statement.cancel();
        }
        true
    }

    /// Stops the statement of a connection and closes it. False when there is no such connection.
    pub fn kill_connection(&self, id: u32) -> bool {
        let connections = self.0.lock();
        let Some(entry) = connections.get(&id) else {
            return false;
        };
        if let Some(statement) = &entry.statement {
            statement.cancel();
        }
        entry.connection.cancel();
        true
    }

    /// Statements running now.
    pub fn running(&self) -> usize {
        self.0
            .lock()
            .values()
            .filter(|entry| entry.statement.is_some())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_meets_the_statement_that_runs_and_no_later_one() {
        let registry = Registry::default();
        let connection = registry.connect(7);
        assert!(registry.kill_query(7), "an idle connection is known");
        let first = registry.begin(7);
        assert!(registry.kill_query(7));
        assert!(first.is_cancelled());
        registry.end(7);
        assert!(registry.kill_query(7));
        let second = registry.begin(7);
        assert!(!second.is_cancelled());
        assert!(!connection.is_cancelled());
        registry.kill_connection(7);
        assert!(second.is_cancelled() && connection.is_cancelled());
        registry.disconnect(7);
        assert!(!registry.kill_query(7));
    }
}
