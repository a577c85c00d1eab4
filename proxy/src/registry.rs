//! Who is connected and what runs: for KILL, SHOW PROCESSLIST and the limits of connections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use orrery_archive::catalog::users::ServiceClass;
use parking_lot::Mutex;
use rand::Rng as _;
use tokio_util::sync::CancellationToken;

/// All connections of this proxy.
pub struct Registry {
    state: Mutex<State>,
    places: Places,
}

/// How many clients a proxy takes; those that have not logged in are counted elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Clients that have logged in.
    pub all: usize,
    /// How many of these places only admins get.
    pub admins: usize,
}

struct State {
    connections: BTreeMap<u32, Arc<Entry>>,
    next_id: u32,
}

/// One connection.
pub struct Entry {
    /// Its id: what clients quote in KILL.
    pub id: u32,
    /// Client's address.
    pub host: String,
    /// Ends when the connection is to be closed.
    pub closing: CancellationToken,
    activity: Mutex<Activity>,
}

/// What a connection does now.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Account; empty until logged in.
    pub user: String,
    /// Default database.
    pub database: Option<String>,
    /// The statement that runs, if one does.
    pub statement: Option<String>,
    /// Since when it runs, or the connection is idle.
    pub since: Instant,
    stop: CancellationToken,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The proxy has as many as it takes.
    Proxy,
    /// The user has as many as it may.
    User,
}

/// What became of a KILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    /// The statement or connection has been told to stop.
    Yes,
    /// No such connection here.
    Unknown,
    /// It belongs to somebody else.
    NotOwner,
}

impl Registry {
    /// A registry with so many places. Ids start anywhere, so that an id of another proxy hardly
    /// ever means one of ours.
    pub fn new(places: Places) -> Self {
        let next_id = rand::rng().random_range(1..1 << 30);
        Self {
            state: Mutex::new(State {
                connections: BTreeMap::new(),
                next_id,
            }),
            places,
        }
    }

    /// Enters a connection, which takes a place once it has logged in.
    pub fn enter(self: &Arc<Self>, host: String) -> Membership {
        let mut state = self.state.lock();
        let mut id = state.next_id;
        while id == 0 || state.connections.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        state.next_id = id.wrapping_add(1);
        let entry = Arc::new(Entry {
            id,
            host,
            closing: CancellationToken::new(),
            activity: Mutex::new(Activity {
                user: String::new(),
                database: None,
                statement: None,
                since: Instant::now(),
                stop: CancellationToken::new(),
            }),
        });
        state.connections.insert(id, entry.clone());
        Membership {
            registry: self.clone(),
            entry,
        }
    }

    /// Number of connections.
    pub fn len(&self) -> usize {
        self.state.lock().connections.len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Statements running now.
    pub fn running(&self) -> usize {
        let state = self.state.lock();
        let runs = |entry: &&Arc<Entry>| entry.activity.lock().statement.is_some();
        state.connections.values().filter(runs).count()
    }

    /// All connections in order of their ids, with what they do.
    pub fn list(&self) -> Vec<(Arc<Entry>, Activity)> {
        let state = self.state.lock();
        let with_activity = |entry: &Arc<Entry>| (entry.clone(), entry.activity.lock().clone());
        state.connections.values().map(with_activity).collect()
    }

    /// Stops a statement, and with `whole` its connection. `anybodys`: the killer may kill what
    /// belongs to others.
    pub fn kill(&self, id: u64, whole: bool, user: &str, anybodys: bool) -> Killed {
        let state = self.state.lock();
        let found = u32::try_from(id)
            .ok()
            .and_then(|id| state.connections.get(&id));
        let Some(entry) = found else {
            return Killed::Unknown;
        };
        let activity = entry.activity.lock();
        if !anybodys && activity.user != user {
            return Killed::NotOwner;
        }
        if activity.statement.is_some() {
            activity.stop.cancel();
        }
        if whole {
            entry.closing.cancel();
        }
        Killed::Yes
    }
}

/// A connection's place in the registry; leaves it when dropped.
pub struct Membership {
    registry: Arc<Registry>,
    entry: Arc<Entry>,
}

impl Membership {
    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Names the user after log-in or change of user, if there is a place for it. `limit`:
    /// connections the user may have.
    pub fn log_in(&self, user: &str, class: ServiceClass, limit: Option<u32>) -> Result<(), Full> {
        let state = self.registry.state.lock();
        let (mut all, mut own) = (0, 0);
        for entry in state.connections.values() {
            let activity = entry.activity.lock();
            if entry.id != self.entry.id && !activity.user.is_empty() {
                all += 1;
                own += usize::from(activity.user == user);
            }
        }
        let places = self.registry.places;
        let open = match class {
            ServiceClass::Admin => places.all,
            ServiceClass::Standard => places.all.saturating_sub(places.admins),
        };
        if all >= open {
            return Err(Full::Proxy);
        }
        if limit.is_some_and(|limit| own >= limit as usize) {
            return Err(Full::User);
        }
        user.clone_into(&mut self.entry.activity.lock().user);
        Ok(())
    }

    /// Notes the default database, for people.
    pub fn set_database(&self, database: Option<&str>) {
        self.entry.activity.lock().database = database.map(str::to_owned);
    }

    /// A statement begins; the token ends when somebody kills it.
    pub fn begin(&self, statement: &str) -> Running<'_> {
        let stop = CancellationToken::new();
        let mut activity = self.entry.activity.lock();
        activity.statement = Some(statement.to_owned());
        activity.since = Instant::now();
        activity.stop = stop.clone();
        Running {
            entry: &self.entry,
            stop,
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry
            .state
            .lock()
            .connections
            .remove(&self.entry.id);
    }
}

/// A statement that runs; over when dropped, and a kill that comes later meets nothing.
pub struct Running<'a> {
    entry: &'a Entry,
    /// Ends when somebody kills the statement.
    pub stop: CancellationToken,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut activity = self.entry.activity.lock();
        activity.statement = None;
        activity.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(all: usize, admins: usize) -> Arc<Registry> {
        Arc::new(Registry::new(Places { all, admins }))
    }

    fn standard(member: &Membership, user: &str, limit: Option<u32>) -> Result<(), Full> {
        member.log_in(user, ServiceClass::Standard, limit)
    }

    #[test]
    fn a_kill_meets_the_statement_that_runs_and_no_later_one() {
        let registry = registry(10, 0);
        let member = registry.enter("h".into());
        standard(&member, "ann", None).unwrap();
        let id = u64::from(member.entry().id);
        let first = member.begin("SELECT 1");
        assert_eq!(registry.kill(id, false, "ann", false), Killed::Yes);
        assert!(first.stop.is_cancelled());
        drop(first);
        assert_eq!(registry.kill(id, false, "ann", false), Killed::Yes);
        assert!(!member.begin("SELECT 2").stop.is_cancelled());
        assert!(!member.entry().closing.is_cancelled());
        assert_eq!(registry.kill(id, true, "ann", false), Killed::Yes);
        assert!(member.entry().closing.is_cancelled());
    }

    #[test]
    fn only_owners_and_admins_kill() {
        let registry = registry(10, 0);
        let member = registry.enter("h".into());
        standard(&member, "ann", None).unwrap();
        let id = u64::from(member.entry().id);
        assert_eq!(registry.kill(id, true, "bob", false), Killed::NotOwner);
        assert_eq!(registry.kill(id, true, "bob", true), Killed::Yes);
        assert_eq!(
            registry.kill(id + (1 << 32), true, "bob", true),
            Killed::Unknown
        );
        drop(member);
        assert_eq!(registry.kill(id, true, "bob", true), Killed::Unknown);
        assert!(registry.is_empty());
    }

    #[test]
    fn connections_are_limited_in_all_and_per_user() {
        let registry = registry(2, 0);
        let first = registry.enter("h".into());
        standard(&first, "ann", Some(1)).unwrap();
        let second = registry.enter("h".into());
        assert_eq!(standard(&second, "ann", Some(1)), Err(Full::User));
        standard(&second, "bob", Some(1)).unwrap();
        let third = registry.enter("h".into());
        assert_eq!(standard(&third, "eve", None), Err(Full::Proxy));
        drop(first);
        standard(&third, "eve", None).unwrap();
        standard(&second, "ann", Some(1)).unwrap();
    }

    #[test]
    fn the_last_places_are_for_admins() {
        let registry = registry(2, 1);
        let [first, second, third] = [(); 3].map(|()| registry.enter("h".into()));
        standard(&first, "ann", None).unwrap();
        assert_eq!(standard(&second, "ann", None), Err(Full::Proxy));
        second.log_in("root", ServiceClass::Admin, None).unwrap();
        let refused = third.log_in("root", ServiceClass::Admin, None);
        assert_eq!(refused, Err(Full::Proxy));
    }
}
