//! orrery-snapshot.
