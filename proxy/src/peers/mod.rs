//! The other proxies: a KILL for a connection that is not here is passed on, because a Service
//! gives every new connection (Ctrl-C opens one) to any proxy.
//!
//! Proxies speak to each other on a port of their own, under the account they use at czars, whose
//! password only proxies and czars know. There they can do nothing but kill, in the name of the
//! user they state; on the port for clients that account is unknown.

mod kill;
mod port;

pub use kill::Kill;
pub use port::serve;
