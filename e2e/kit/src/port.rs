//! Ports for servers that cannot say themselves which port they got.

use std::fs::File;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Below the ports that Linux gives to outgoing connections (from 32768): a connection of another
/// process never takes a port between its reservation and the server's start.
const PORTS: Range<u16> = 12_000..28_000;
/// How far apart two processes begin to look.
const STRIDE: u32 = 61;

/// Locks of the ports that this process has reserved, until it ends.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Reserves a port of 127.0.0.1. No other process that asks here gets it while this one lives, and
/// none while a server listens on it.
///
/// # Errors
/// The locks cannot be kept in the folder of temporary files, or no port is left.
pub fn reserve() -> std::io::Result<u16> {
    let folder = std::env::temp_dir().join("orrery-ports");
    std::fs::create_dir_all(&folder)?;
    let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
    let count = u32::from(PORTS.end - PORTS.start);
    let first = std::process::id().wrapping_mul(STRIDE);
    for offset in 0..count {
        let port = PORTS.start + (first.wrapping_add(offset) % count) as u16;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(port.to_string()))?;
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            reserved.push(lock);
            return Ok(port);
        }
    }
    Err(std::io::Error::other(format!("no free port in {PORTS:?}")))
}
