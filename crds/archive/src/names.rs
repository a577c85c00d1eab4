//! Every derived name in one place: physical databases and tables, Kubernetes objects, ports,
//! accounts, roles.
//!
//! Physical names carry a number that is used once in the archive's life
//! (docs/design/catalog.md#names-are-never-reused): the database carries the table's incarnation,
//! the table the ingest attempt. A reader that asks for an exact name can therefore never be
//! answered with rows of another life.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A chunk's id within its family.
pub type ChunkId = u32;
/// A worker's id within the archive.
pub type WorkerId = u32;

/// Column that holds a row's chunk; invisible unless `qservCompat`.
pub const CHUNK_COLUMN: &str = "chunkId";
/// Column that holds a row's sub-chunk; invisible unless `qservCompat`.
pub const SUB_CHUNK_COLUMN: &str = "subChunkId";

/// Which of a chunk's physical tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RowSet {
    /// Rows whose home is the chunk.
    Home,
    /// Copies of rows near the chunk.
    Overlap,
}

impl fmt::Display for RowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Home => "home",
            Self::Overlap => "overlap",
        })
    }
}

/// Physical database of one incarnation of a table of `database`.
pub fn physical_database(database: &str, incarnation: u64) -> String {
    format!("{database}__{incarnation}")
}

/// Physical database of the director index with this incarnation.
pub fn index_database(incarnation: u64) -> String {
    format!("orrery_index__{incarnation}")
}

/// Database in which an attempt's tables live until they are sealed.
pub fn staging_database(attempt: u64) -> String {
    format!("orrery_staging__{attempt}")
}

/// What the names of databases begin with in which declared tables are tried. No database of a user
/// begins with `orrery_`, and no physical one ends without a number after two underscores.
pub const TRIAL_DATABASE: &str = "orrery_trial_";

/// Database of the trial `id`, which is hexadecimal.
pub fn trial_database(id: &str) -> String {
    format!("{TRIAL_DATABASE}{id}")
}

/// Physical table of a chunk of `table`, as loaded by `attempt`.
pub fn chunk_table(table: &str, set: RowSet, chunk: ChunkId, attempt: u64) -> String {
    match set {
        RowSet::Home => format!("{table}_{chunk}__{attempt}"),
        RowSet::Overlap => format!("{table}FullOverlap_{chunk}__{attempt}"),
    }
}

/// Physical table of a reference table, as loaded by `attempt`.
pub fn reference_table(table: &str, attempt: u64) -> String {
    format!("{table}__{attempt}")
}

/// A server's text with the names that users know in place of the physical names of one table.
pub fn in_users_words(text: &str, database: &str, table: &str, incarnation: u64) -> String {
    let physical = physical_database(database, incarnation);
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|character| !is_part(character));
        let (name, after) = rest.split_at(length.unwrap_or(rest.len()));
        words.push_str(match name {
            name if name == physical => database,
            name if is_physical_table(name, table) => table,
            name => name,
        });
        let gap = after.find(is_part).unwrap_or(after.len());
        let (between, next) = after.split_at(gap);
        words.push_str(between);
        rest = next;
    }
    words
}

/// Whether `name` is that of a physical table of `table`, of any chunk and attempt.
fn is_physical_table(name: &str, table: &str) -> bool {
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let Some((head, attempt)) = name
        .strip_prefix(table)
        .and_then(|rest| rest.rsplit_once("__"))
    else {
        return false;
    };
    let head = head.strip_prefix("FullOverlap").unwrap_or(head);
    is_number(attempt) && (head.is_empty() || head.strip_prefix('_').is_some_and(is_number))
}

/// Database of the agent's own tables on every worker.
pub const CONTROL_DATABASE: &str = "orrery_control";

/// Kubernetes name of a worker, its StatefulSet and its Service. Its pod is `<name>-0`.
pub fn worker_name(pool: &str, id: WorkerId) -> String {
    format!("{pool}-w{id}")
}

/// DNS name of a worker's Service.
pub fn worker_host(pool: &str, id: WorkerId, namespace: &str) -> String {
    format!("{}.{namespace}.svc", worker_name(pool, id))
}

/// Name of the `ChunkMap` that is the catalog's root.
pub const ROOT: &str = "root";

/// Secret with users, verifiers and grants (see [`crate::catalog::users`]); czars and proxies watch
/// it.
pub const USERS_SECRET: &str = "orrery-users";
/// Key of [`USERS_SECRET`].
pub const USERS_KEY: &str = "users.json";
/// Secret with the MySQL passwords between our parts, keys [`READER_ACCOUNT`] and [`CZAR_ACCOUNT`].
pub const MYSQL_SECRET: &str = "orrery-mysql";
/// Account czars and fast-path proxies use on workers: SELECT only.
pub const READER_ACCOUNT: &str = "orrery_reader";
/// Account proxies use on czars.
pub const CZAR_ACCOUNT: &str = "orrery_proxy";
/// Secret with the private keys that sign catalog copies. Only the operator reads it.
pub const SIGNING_SECRET: &str = "orrery-signing";
/// ConfigMap with the public keys of catalog copies.
pub const PUBLIC_KEYS_CONFIG: &str = "orrery-public-keys";
/// Key of [`PUBLIC_KEYS_CONFIG`]; its value is a [`crate::catalog::TrustedKeys`] as text.
pub const PUBLIC_KEYS_FILE: &str = "keys";
/// Secret with the archive's certificate authority, keys `tls.crt` and `tls.key`. Only the operator
/// reads it.
pub const CA_SECRET: &str = "orrery-ca";

/// Annotation of [`CA_SECRET`] by which somebody asks for a new authority; its value is no matter.
pub const ROTATE_ANNOTATION: &str = "orrery.dev/rotate";
/// Annotation of [`CA_SECRET`] that says what the change of the authority waits for.
pub const ROTATION_ANNOTATION: &str = "orrery.dev/rotation";
/// Keys of [`CA_SECRET`] with certificates: of the authority that signs, of the one that is to come
/// and of the one that is to leave.
pub const AUTHORITY_CERTIFICATES: [(&str, &str); 3] = [
    ("signs", "tls.crt"),
    ("next", "next.crt"),
    ("last", "last.crt"),
];

/// Who calls an HTTPS API; the common name of its client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The operator.
    Operator,
    /// A worker agent.
    Agent,
    /// A worker's mysqld.
    Mysqld,
    /// A loader.
    Loader,
    /// A czar.
    Czar,
    /// A proxy.
    Proxy,
}

impl Role {
    /// Common name in the role's certificate.
    pub fn common_name(self) -> &'static str {
        match self {
            Self::Operator => "orrery-operator",
            Self::Agent => "orrery-agent",
            Self::Mysqld => "orrery-mysqld",
            Self::Loader => "orrery-loader",
            Self::Czar => "orrery-czar",
            Self::Proxy => "orrery-proxy",
        }
    }

    /// The role with this common name.
    pub fn from_common_name(name: &str) -> Option<Self> {
        [
            Self::Operator,
            Self::Agent,
            Self::Mysqld,
            Self::Loader,
            Self::Czar,
            Self::Proxy,
        ]
        .into_iter()
        .find(|role| role.common_name() == name)
    }
}

/// Who has a certificate of its own: each worker's agent, and each other role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The operator.
    Operator,
    /// The agent of this worker.
    Worker(WorkerId),
    /// The mysqld of any worker.
    Mysqld,
    /// Any loader.
    Loader,
    /// Any czar.
    Czar,
    /// Any proxy.
    Proxy,
}

impl Holder {
    /// Those that every archive has, whatever its workers.
    pub const SHARED: [Self; 5] = [
        Self::Operator,
        Self::Mysqld,
        Self::Loader,
        Self::Czar,
        Self::Proxy,
    ];

    /// The role that the certificate names.
    pub fn role(self) -> Role {
        match self {
            Self::Operator => Role::Operator,
            Self::Worker(_) => Role::Agent,
            Self::Mysqld => Role::Mysqld,
            Self::Loader => Role::Loader,
            Self::Czar => Role::Czar,
            Self::Proxy => Role::Proxy,
        }
    }

    /// Secret that holds the certificate: keys `tls.crt`, `tls.key`, `ca.crt`.
    pub fn tls_secret(self) -> String {
        match self {
            Self::Operator => "orrery-tls-operator".into(),
            Self::Worker(id) => format!("{WORKER_TLS_SECRET}{id}"),
            Self::Mysqld => "orrery-tls-mysqld".into(),
            Self::Loader => "orrery-tls-loader".into(),
            Self::Czar => "orrery-tls-czar".into(),
            Self::Proxy => "orrery-tls-proxy".into(),
        }
    }

    /// The holder whose certificate is in the Secret of this name.
    pub fn of_secret(name: &str) -> Option<Self> {
        let worker = name.strip_prefix(WORKER_TLS_SECRET);
        let worker = worker.and_then(|id| id.parse().ok()).map(Self::Worker);
        Self::SHARED
            .into_iter()
            .chain(worker)
            .find(|holder| holder.tls_secret() == name)
    }
}

/// What the names of the Secrets with the workers' certificates begin with; the worker's id follows.
const WORKER_TLS_SECRET: &str = "orrery-tls-worker-";

/// The URI that a worker's certificate names it by, in the form of SPIFFE. Which archive it is of
/// says the authority.
pub fn worker_uri(namespace: &str, id: WorkerId) -> String {
    format!("spiffe://{namespace}/worker/{id}")
}

/// The worker that a URI of a certificate names.
pub fn worker_of_uri(uri: &str) -> Option<WorkerId> {
    let (_, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    path.strip_prefix("worker/")?.parse().ok()
}

/// Ports, in one place.
pub mod ports {
    /// MySQL protocol of the proxy.
    pub const PROXY: u16 = 4040;
    /// MySQL protocol of the czar, for proxies only.
    pub const CZAR: u16 = 4041;
    /// MySQL protocol of the proxy, for other proxies only.
    pub const PEER: u16 = 4042;
    /// MySQL protocol of a worker's mysqld.
    pub const MYSQLD: u16 = 3306;
    /// HTTPS API of the worker agent.
    pub const AGENT: u16 = 7443;
    /// HTTPS API of the loader.
    pub const LOADER: u16 = 7444;
    /// Plain HTTP for `/metrics`, `/healthz`, `/readyz` of every part.
    pub const ADMIN: u16 = 8080;
}

/// Label whose value is `operator`, `czar`, `proxy` or `worker`.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";
/// Label that names a worker's pool on its objects.
pub const POOL_LABEL: &str = "orrery.dev/pool";
/// Label that carries a worker's id on its objects.
pub const WORKER_LABEL: &str = "orrery.dev/worker";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_and_a_uri_name_the_worker_whose_certificate_it_is() {
        for holder in Holder::SHARED.into_iter().chain([Holder::Worker(12)]) {
            assert_eq!(Holder::of_secret(&holder.tls_secret()), Some(holder));
        }
        for other in ["orrery-ca", "orrery-tls-worker-", "orrery-tls-worker-012"] {
            assert_eq!(Holder::of_secret(other), None, "{other}");
        }
        assert_eq!(worker_of_uri(&worker_uri("sky", 12)), Some(12));
        for other in [
            "https://sky/worker/1",
            "spiffe://sky/czar/1",
            "spiffe://sky/worker/1/2",
        ] {
            assert_eq!(worker_of_uri(other), None, "{other}");
        }
    }

    #[test]
    fn physical_names_become_those_that_users_know() {
        let words = |text: &str| in_users_words(text, "sky", "Object", 3);
        for (text, wanted) in [
            (
                "Table 'sky__3.Object_6630__12' doesn't exist",
                "Table 'sky.Object' doesn't exist",
            ),
            (
                "out of range in '`sky__3`.`o`.`tiny` - 1'",
                "out of range in '`sky`.`o`.`tiny` - 1'",
            ),
            (
                "Can't read './sky__3/ObjectFullOverlap_7__1.ibd' (errno: 5)",
                "Can't read './sky/Object.ibd' (errno: 5)",
            ),
            ("Object__13 é", "Object é"),
            ("", ""),
        ] {
            assert_eq!(words(text), wanted);
        }
        let others = "sky__31 sky__3x Object_6630 Objects_1__2 Object_x__2 Object_1__ _Object_1__2";
        assert_eq!(words(others), others);
    }
}
