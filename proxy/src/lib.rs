//! orrery-proxy.
