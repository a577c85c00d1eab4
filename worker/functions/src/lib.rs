//! orrery-functions.
