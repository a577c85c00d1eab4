//! Both sides of the protocol, against each other and against programs that are not ours. One
//! program, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

mod client_mariadbd;
mod client_opensrv;
mod own_both_sides;
mod server_clients;
mod support;
