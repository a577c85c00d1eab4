//! Lines of the audit log about a client: its log-ins and its statements.

use std::time::Duration;

use jiff::Timestamp;

use super::visitor::{NotIn, Visitor};
use super::{Answer, Client};
use crate::audit::{self, Asked, Event, Record};
use crate::shared::Proxy;

impl Visitor {
    /// The part of a line that says who it is.
    fn record<'a>(&'a self, proxy: &'a Proxy, connection: u32, event: Event) -> Record<'a> {
        Record {
            time: format!("{:.3}", Timestamp::now()),
            event,
            proxy: &proxy.name,
            connection,
            user: &self.user,
            address: self.address.to_string(),
            tls: self.tls,
            program: &self.program,
            reason: None,
            asked: None,
        }
    }

    /// Logs, counts and audits what became of a log-in.
    pub fn report(&self, outcome: Result<(), &NotIn>, connection: u32, proxy: &Proxy) {
        self.log(outcome, &proxy.metrics);
        if let Some(audit) = &proxy.audit {
            let event = match outcome {
                Ok(()) => Event::LogIn,
                Err(_) => Event::Refusal,
            };
            audit.write(&Record {
                reason: outcome.err().map(ToString::to_string),
                ..self.record(proxy, connection, event)
            });
        }
    }
}

impl Client {
    /// Audits a statement that has ended.
    pub(super) fn audit(
        &self,
        sql: &str,
        (class, outcome): (&'static str, &'static str),
        answer: &Answer,
        took: Duration,
    ) {
        let Some(audit) = &self.proxy.audit else {
            return;
        };
        let database = self.session.database.as_deref();
        let snapshot = self.proxy.hub.current();
        let asked = Asked {
            database,
            class,
            statement: audit::kept(class, sql),
            statement_bytes: sql.len(),
            tables: snapshot.map_or_else(Vec::new, |snapshot| {
                audit::tables(sql, database, &snapshot.catalog)
            }),
            rows: answer.rows,
            bytes: answer.bytes,
            seconds: took.as_secs_f64(),
            outcome,
            error: answer.error,
        };
        let connection = self.member.entry().id;
        audit.write(&Record {
            asked: Some(asked),
            ..self
                .visitor
                .record(&self.proxy, connection, Event::Statement)
        });
    }
}
