//! orrery-wire.
