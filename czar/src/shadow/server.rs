//! Accounts, pools and tables of the shadow server.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orrery_archive::catalog::users::Users;
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::table::ddl;
use orrery_archive::table::refusals::speaks_of_table;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint};
use orrery_wire::errors;
use parking_lot::Mutex;
use rand::distr::{Alphanumeric, SampleString};
use thiserror::Error;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use super::mirror::{
    Changes, GATHER_ACCOUNT, LeftOut, MERGE_ACCOUNT, MERGE_DATABASE, Mirror, account,
};
use super::sizes::Size;
use crate::backend::{Pool, PooledConnection, SessionSettings};

/// Longest row that the server sends, as `max_allowed_packet` there.
const MAX_ROW: usize = 64 << 20;
/// Length of the accounts' passwords.
const PASSWORD_LENGTH: usize = 40;

/// Why the shadow server cannot be used.
#[derive(Debug, Error)]
pub enum ShadowError {
    /// There is no connection to it: it has not seen the statement.
    #[error("shadow server: {0}")]
    Unreachable(ClientError),
    /// The server itself, or the connection, while a statement ran.
    #[error("shadow server: {0}")]
    Client(#[from] ClientError),
    /// There is no account for the user.
    #[error("user '{0}' has no account on the shadow server")]
    NoAccount(String),
}

/// How to reach and bound the shadow server.
#[derive(Clone, Debug)]
pub struct ShadowOptions {
    /// Its socket.
    pub socket: PathBuf,
    /// The czar's own account on it, with all privileges.
    pub user: String,
    /// Password of that account.
    pub password: String,
    /// Connections per user.
    pub connections_per_user: usize,
    /// Connections for merges.
    pub merge_connections: usize,
    /// Connections for gathers.
    pub gather_connections: usize,
    /// Longest time any statement may run on it.
    pub max_statement_time: Duration,
    /// Bytes of memory a merge's temporary table may take before it goes to disk.
    pub merge_memory: u64,
}

/// Keeps the names of all tables as they are.
pub type Listing = OwnedRwLockReadGuard<()>;

/// What came of [`ShadowServer::mirror`].
#[derive(Clone, Debug, Default)]
pub struct Mirrored {
    /// Whether tables or rights changed, so that metadata seen before may be wrong.
    pub is_change: bool,
    /// Statements for [`ShadowServer::forget`].
    pub after: Vec<String>,
    /// Tables that the shadow server does not have, with its words.
    pub left_out: LeftOut,
}

/// An account on the shadow server.
struct Account {
    password: String,
    pool: Arc<Pool>,
}

/// What the shadow server holds.
pub(super) struct State {
    mirror: Mirror,
    /// What its tables say of their size; those left out say that they are empty.
    pub(super) sizes: BTreeMap<TableKey, Size>,
}

/// The shadow server.
pub struct ShadowServer {
    options: ShadowOptions,
    accounts: Mutex<HashMap<String, Account>>,
    /// `None` until it is empty or mirrors a catalog.
    pub(super) state: tokio::sync::Mutex<Option<State>>,
    /// Read while tables are listed, written while one of them has another name.
    pub(super) listing: Arc<RwLock<()>>,
}

impl ShadowServer {
    /// A shadow server not yet spoken to.
    pub fn new(options: ShadowOptions) -> Self {
        Self {
            options,
            accounts: Mutex::new(HashMap::new()),
            state: tokio::sync::Mutex::new(None),
            listing: Arc::default(),
        }
    }

    /// Makes the shadow server hold what the catalog and users need; answers the statements to run
    /// once nothing new uses the catalog before (see [`Self::forget`]). A table that the server does
    /// not make is left out, alone, and tried again with the next catalog.
    pub async fn mirror(&self, catalog: &Catalog, users: &Users) -> Result<Mirrored, ShadowError> {
        let mut next = Mirror::new(catalog, users, &self.options.user);
        let mut state = self.state.lock().await;
        let now = state.take();
        let mut connection = self.own_connection().await?;
        let mut now = match now {
            Some(now) => now,
            None => self.clear(&mut connection).await?,
        };
        let mut changes = now.mirror.changes(&next);
        for user in &changes.new_users {
            let password = new_password();
            connection
                .run(create_account(user, &password).as_bytes())
                .await?;
            self.open_account(user, password);
        }
        for statement in &changes.databases {
            connection.run(statement.as_bytes()).await?;
        }
        let left_out = make_tables(&mut connection, &changes.tables).await?;
        changes.leave_out(&left_out, &now.mirror);
        next.leave_out(&left_out, &now.mirror);
        for (_, statement) in &changes.rights {
            connection.run(statement.as_bytes()).await?;
        }
        for user in &changes.changed_users {
            let password = self
                .accounts
                .lock()
                .get(user)
                .map(|account| account.password.clone());
            if let Some(password) = password {
                self.open_account(user, password);
            }
        }
        self.accounts
            .lock()
            .retain(|user, _| next.grants.contains_key(user));
        // Remembered only when all of it worked: after an error the next call starts from an empty
        // shadow server.
        let (before, after) = (&now.mirror.tables, &next.tables);
        now.sizes.retain(|key, _| before.get(key) == after.get(key));
        *state = Some(State {
            mirror: next,
            sizes: now.sizes,
        });
        Ok(Mirrored {
            is_change: changes != Changes::default(),
            after: changes.after,
            left_out,
        })
    }

    /// Runs what [`Self::mirror`] left for later.
    pub async fn forget(&self, statements: &[String]) -> Result<(), ShadowError> {
        if statements.is_empty() {
            return Ok(());
        }
        let _state = self.state.lock().await;
        let mut connection = self.own_connection().await?;
        for statement in statements {
            connection.run(statement.as_bytes()).await?;
        }
        Ok(())
    }

    /// Waits until all tables have their names, which they keep while the guard lives.
    pub async fn listing(&self) -> Listing {
        self.listing.clone().read_owned().await
    }

    /// Whether the shadow server answers.
    pub async fn answers(&self) -> bool {
        match self.own_connection().await {
            Ok(mut connection) => connection.ping().await.is_ok(),
            Err(_) => false,
        }
    }

    /// A connection under a user's account.
    pub async fn session(
        &self,
        user: &str,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
    ) -> Result<PooledConnection, ShadowError> {
        if [MERGE_ACCOUNT, GATHER_ACCOUNT].contains(&user) {
            return Err(ShadowError::NoAccount(user.to_owned()));
        }
        self.lease(user, settings, database).await
    }

    /// A connection of the merge account, in its database.
    pub async fn merge_session(
        &self,
        settings: &Arc<SessionSettings>,
    ) -> Result<PooledConnection, ShadowError> {
        self.lease(MERGE_ACCOUNT, settings, Some(MERGE_DATABASE))
            .await
    }

    /// A connection of the gather account, which may make temporary tables in the databases of
    /// users and read these alone. It must be spoiled: its tables would hide those of others.
    pub async fn gather_session(
        &self,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
    ) -> Result<PooledConnection, ShadowError> {
        self.lease(GATHER_ACCOUNT, settings, database).await
    }

    async fn lease(
        &self,
        user: &str,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
    ) -> Result<PooledConnection, ShadowError> {
        let pool = self
            .accounts
            .lock()
            .get(user)
            .map(|account| account.pool.clone());
        let pool = pool.ok_or_else(|| ShadowError::NoAccount(user.to_owned()))?;
        let lease = pool.acquire(settings, database).await;
        lease.map_err(ShadowError::Unreachable)
    }

    /// Replaces the account's connections.
    fn open_account(&self, user: &str, password: String) {
        let size = match user {
            MERGE_ACCOUNT => self.options.merge_connections,
            GATHER_ACCOUNT => self.options.gather_connections,
            _ => self.options.connections_per_user,
        };
        let pool = self.pool(user, password.clone(), size);
        self.accounts
            .lock()
            .insert(user.to_owned(), Account { password, pool });
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.options.socket.clone())
    }

    pub(super) async fn own_connection(&self) -> Result<ClientConnection, ShadowError> {
        let options = ClientOptions {
            user: self.options.user.clone(),
            password: self.options.password.clone(),
            ..ClientOptions::default()
        };
        let mut connection = ClientConnection::connect(&self.endpoint(), &options).await?;
        // The statements of this module quote strings with backslashes and must mean what they say.
        let mode = ddl::SHADOW_MODE;
        connection
            .run(format!("SET sql_mode='{mode}', lock_wait_timeout=30").as_bytes())
            .await?;
        Ok(connection)
    }

    fn pool(&self, user: &str, password: String, size: usize) -> Arc<Pool> {
        let options = ClientOptions {
            user: user.to_owned(),
            password,
            max_allowed_packet: MAX_ROW,
            load_local: true,
            ..ClientOptions::default()
        };
        let setup = format!(
            "SET max_statement_time={}, tmp_memory_table_size={memory}, max_heap_table_size={memory}",
            self.options.max_statement_time.as_secs_f64(),
            memory = self.options.merge_memory
        );
        let login = Arc::new(move || options.clone());
        Pool::new(self.endpoint(), login, setup, size)
    }

    /// Ends the sessions that an earlier process left: statements run on in them, and their
    /// temporary tables take disk.
    async fn end_sessions(&self, connection: &mut ClientConnection) -> Result<(), ShadowError> {
        let sessions = format!(
            "SELECT id FROM information_schema.processlist \
             WHERE user NOT IN ('system user','event_scheduler',{})",
            ddl::quote_string(&self.options.user)
        );
        for id in names(connection, &sessions).await? {
            match connection.run(format!("KILL {id}").as_bytes()).await {
                Err(ClientError::Server(error)) if errors::UNKNOWN_THREAD.is(&error) => {}
                ended => ended?,
            }
        }
        Ok(())
    }

    /// Brings the shadow server to the empty state, whatever an earlier process left, and makes the
    /// merge account.
    async fn clear(&self, connection: &mut ClientConnection) -> Result<State, ShadowError> {
        self.accounts.lock().clear();
        self.end_sessions(connection).await?;
        let databases = "SELECT schema_name FROM information_schema.schemata \
                         WHERE schema_name NOT IN ('mysql','information_schema','performance_schema','sys')";
        for name in names(connection, databases).await? {
            connection
                .run(format!("DROP DATABASE {}", ddl::quote_identifier(&name)).as_bytes())
                .await?;
        }
        let own = ddl::quote_string(&self.options.user);
        let users = format!(
            "SELECT CONCAT(QUOTE(user),'@',QUOTE(host)) FROM mysql.user \
             WHERE user NOT IN ('root','mysql','mariadb.sys','PUBLIC',{own}) AND is_role='N'"
        );
        for account in names(connection, &users).await? {
            connection
                .run(format!("DROP USER {account}").as_bytes())
                .await?;
        }
        let password = new_password();
        connection
            .run(create_account(MERGE_ACCOUNT, &password).as_bytes())
            .await?;
        connection
            .run(format!("CREATE DATABASE {MERGE_DATABASE}").as_bytes())
            .await?;
        let grant = format!(
            "GRANT CREATE TEMPORARY TABLES ON `orrery\\_merge`.* TO {}",
            account(MERGE_ACCOUNT)
        );
        connection.run(grant.as_bytes()).await?;
        self.open_account(MERGE_ACCOUNT, password);
        let mut empty = Mirror::default();
        empty
            .grants
            .insert(MERGE_ACCOUNT.to_owned(), std::collections::BTreeSet::new());
        Ok(State {
            mirror: empty,
            sizes: BTreeMap::new(),
        })
    }
}

/// Makes tables. Those that the server refuses, with its words; trouble of the server itself ends it.
async fn make_tables(
    connection: &mut ClientConnection,
    tables: &[(TableKey, String)],
) -> Result<LeftOut, ShadowError> {
    let mut left_out = LeftOut::new();
    for (key, statement) in tables {
        match connection.run(statement.as_bytes()).await {
            Err(ClientError::Server(error)) if speaks_of_table(error.code, &error.message) => {
                left_out.insert(key.clone(), format!("{} ({})", error.message, error.code));
            }
            made => made?,
        }
    }
    Ok(left_out)
}

fn new_password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH)
}

fn create_account(user: &str, password: &str) -> String {
    format!("CREATE USER {} IDENTIFIED BY '{password}'", account(user))
}

/// First cells of a result.
async fn names(connection: &mut ClientConnection, sql: &str) -> Result<Vec<String>, ShadowError> {
    let (_, rows) = connection.query_all(sql.as_bytes()).await?;
    let first = |row: &bytes::Bytes| {
        let cell = orrery_wire::value::TextCells::new(row).next()?.ok()??;
        Some(String::from_utf8_lossy(cell).into_owned())
    };
    Ok(rows.iter().filter_map(first).collect())
}
