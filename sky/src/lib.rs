//! orrery-sky.
