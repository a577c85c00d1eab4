//! Every call of the two APIs in one table each: method, path and the roles that may make it. The
//! servers' routers, their check of roles and the clients' URLs are made from it.

use std::fmt::Display;

use orrery_archive::names::Role;
use reqwest::{Method, Url};
use thiserror::Error;

/// Methods that the APIs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Asks for work.
    Post,
    /// Stores a whole value.
    Put,
}

impl Verb {
    /// As HTTP has it.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
        }
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Method.
    pub verb: Verb,
    /// Path; a segment in braces is a parameter.
    pub path: &'static str,
    /// Roles that may call it.
    pub roles: &'static [Role],
}

/// Header of a call to an agent: the worker that it is meant for, as a decimal number. An agent of
/// another worker, which has that address by now, refuses the call with status 421.
pub const WORKER_HEADER: &str = "orrery-worker";

/// What stands in a path in place of a segment in braces.
pub type Parameter<'a> = &'a (dyn Display + Sync);

/// The calls of one API.
pub trait Call: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// Its line of the table.
    fn route(self) -> Route;

    /// Its URL at the server with this base URL; `parameters` replace the path's, in order. `None`
    /// when their number is not the path's.
    fn url(self, base: &Url, parameters: &[Parameter<'_>]) -> Option<Url> {
        let mut url = base.clone();
        let mut parameters = parameters.iter();
        {
            let mut segments = url.path_segments_mut().ok()?;
            segments.clear();
            for segment in self.route().path.split('/').skip(1) {
                if segment.starts_with('{') {
                    segments.push(&parameters.next()?.to_string());
                } else {
                    segments.push(segment);
                }
            }
        }
        parameters.next().is_none().then_some(url)
    }

    /// Whether `caller` may call `method` on `path`, the path as the table has it. What is not in
    /// the table is denied.
    fn permit(method: &Method, path: &str, caller: Option<Role>) -> Result<(), Denied> {
        let caller = caller.ok_or(Denied::NoRole)?;
        let permitted = Self::ALL.iter().map(|call| call.route()).any(|route| {
            route.verb.method() == *method && route.path == path && route.roles.contains(&caller)
        });
        if permitted {
            return Ok(());
        }
        Err(Denied::Role {
            role: caller.common_name(),
            method: method.clone(),
            path: path.to_owned(),
        })
    }
}

/// Why a caller is turned away.
#[derive(Debug, Error)]
pub enum Denied {
    /// Its certificate names no role.
    #[error("the client certificate names no role")]
    NoRole,
    /// Its role may not make the call.
    #[error("{role} may not call {method} {path}")]
    Role {
        /// Common name of the role.
        role: &'static str,
        /// Method.
        method: Method,
        /// Path.
        path: String,
    },
}

macro_rules! calls {
    ($(#[$about:meta])* $api:ident: $($(#[$doc:meta])* $call:ident = $verb:ident $path:literal [$($role:ident)+],)+) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $api {
            $($(#[$doc])* $call,)+
        }

        impl Call for $api {
            const ALL: &'static [Self] = &[$(Self::$call),+];

            fn route(self) -> Route {
                match self {
                    $(Self::$call => Route {
                        verb: Verb::$verb,
                        path: $path,
                        roles: &[$(Role::$role),+],
                    },)+
                }
            }
        }
    };
}

calls! {
    /// Calls of a worker's agent. One that changes something carries the caller's term: the agent
    /// keeps the highest on disk and refuses lower ones with status 412.
    AgentCall:
    /// → [`Info`](crate::agent::Info).
    Info = Get "/v1/info" [Operator],
    /// [`Adopt`](crate::agent::Adopt) → [`Info`](crate::agent::Info): names a fresh data directory;
    /// refused (409) when it has another identity.
    Adopt = Post "/v1/adopt" [Operator],
    /// [`PageQuery`](crate::agent::PageQuery) as URL query →
    /// [`ManifestPage`](crate::agent::ManifestPage).
    Manifest = Get "/v1/manifest" [Operator],
    /// → [`UnknownTables`](crate::agent::UnknownTables).
    Unknown = Get "/v1/unknown" [Operator],
    /// → [`DamagedTables`](crate::agent::DamagedTables).
    Damaged = Get "/v1/damaged" [Operator],
    /// [`SetState`](crate::agent::SetState): sealed → published → revoked or deleted.
    SetState = Post "/v1/manifest/state" [Operator],
    /// [`Drop`](crate::agent::Drop) → [`Dropped`](crate::agent::Dropped).
    Drop = Post "/v1/drop" [Operator],
    /// [`Trial`](crate::agent::Trial) → [`Tried`](crate::agent::Tried): whether mysqld takes the
    /// tables that a declared one would consist of.
    Trial = Post "/v1/trials" [Operator],
    /// [`OpenAttempt`](crate::agent::OpenAttempt): makes the staging database and tables;
    /// idempotent.
    Open = Post "/v1/attempts" [Operator],
    /// [`LoadTarget`](crate::agent::LoadTarget) as URL query, framed rows (see
    /// [`frame`](crate::frame)) as body → [`Loaded`](crate::agent::Loaded).
    Load = Post "/v1/attempts/{attempt}/load" [Loader],
    /// → [`Ledger`](crate::agent::Ledger): parts committed here.
    Ledger = Get "/v1/attempts/{attempt}/ledger" [Loader Operator],
    /// [`SourceFiles`](crate::agent::SourceFiles).
    PutFiles = Put "/v1/attempts/{attempt}/files" [Loader],
    /// → [`SourceFiles`](crate::agent::SourceFiles). The operator gives them to a loader that lost
    /// its spool.
    Files = Get "/v1/attempts/{attempt}/files" [Loader Operator],
    /// Rejects as lines of text.
    PutRejects = Put "/v1/attempts/{attempt}/rejects" [Loader Operator],
    /// → rejects as lines of text.
    Rejects = Get "/v1/attempts/{attempt}/rejects" [Loader Operator],
    /// [`Term`](crate::agent::Term) → [`Sealed`](crate::agent::Sealed), or status 202 while the
    /// agent is still counting.
    Seal = Post "/v1/attempts/{attempt}/seal" [Operator],
    /// [`Term`](crate::agent::Term): drops an attempt that is not published.
    Discard = Post "/v1/attempts/{attempt}/discard" [Operator],
    /// [`StartCopy`](crate::agent::StartCopy) → [`CopyStatus`](crate::agent::CopyStatus): pulls
    /// tables from another agent; idempotent for its `id`.
    Copy = Post "/v1/copies" [Operator],
    /// → [`CopyStatus`](crate::agent::CopyStatus).
    CopyStatus = Get "/v1/copies/{id}" [Operator],
    /// [`ExportOrder`](crate::agent::ExportOrder) → the tablespace of a table as a stream, for a copy.
    Export = Post "/v1/tables/{database}/{table}/export" [Agent],
    /// [`IndexLookup`](crate::agent::IndexLookup) → [`IndexEntries`](crate::agent::IndexEntries).
    Lookup = Post "/v1/index/lookup" [Loader],
    /// [`SignedCatalog`](orrery_archive::catalog::SignedCatalog); an older one than that held is
    /// refused.
    PutCatalog = Put "/v1/catalog" [Operator],
    /// → the newest [`SignedCatalog`](orrery_archive::catalog::SignedCatalog); 204 when it is no
    /// newer than the [`KnownCatalog`](crate::agent::KnownCatalog) of the URL's query, if there is
    /// one.
    Catalog = Get "/v1/catalog" [Operator Czar Proxy],
}

calls! {
    /// Calls of an ingest's loader.
    LoaderCall:
    /// [`Survey`](crate::loader::Survey), status 202; idempotent for the same request.
    Survey = Post "/v1/survey" [Operator],
    /// [`Load`](crate::loader::Load), status 202; idempotent for the same request.
    Load = Post "/v1/load" [Operator],
    /// → [`LoaderStatus`](crate::loader::LoaderStatus).
    Status = Get "/v1/status" [Operator],
    /// → rejects of the present survey as lines of text, as far as they fit into
    /// [`MOST_REJECTS`](crate::loader::MOST_REJECTS) bytes.
    Rejects = Get "/v1/rejects" [Operator],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_denied() {
        let permit = AgentCall::permit;
        assert!(permit(&Method::GET, "/v1/info", Some(Role::Operator)).is_ok());
        for (method, path, caller) in [
            (Method::GET, "/v1/info", None),
            (Method::GET, "/v1/info", Some(Role::Loader)),
            (Method::DELETE, "/v1/info", Some(Role::Operator)),
            (Method::GET, "/v1/elsewhere", Some(Role::Operator)),
        ] {
            assert!(
                permit(&method, path, caller).is_err(),
                "{method} {path} {caller:?}"
            );
        }
    }

    #[test]
    fn no_two_calls_share_method_and_path() {
        let lines: Vec<_> = AgentCall::ALL
            .iter()
            .map(|call| (call.route().verb.method().to_string(), call.route().path))
            .collect();
        let distinct: std::collections::BTreeSet<_> = lines.iter().collect();
        assert_eq!(distinct.len(), lines.len());
    }

    #[test]
    fn a_parameter_is_one_segment_whatever_it_holds() {
        let base = Url::parse("https://10.0.0.1:7443").unwrap();
        let url = |parameters: &[Parameter<'_>]| AgentCall::Export.url(&base, parameters);
        assert_eq!(
            url(&[&"sky__7", &"a/../b?c"]).unwrap().as_str(),
            "https://10.0.0.1:7443/v1/tables/sky__7/a%2F..%2Fb%3Fc/export"
        );
        assert_eq!(url(&[&"sky__7"]), None);
        assert_eq!(url(&[&1, &2, &3]), None);
    }
}
