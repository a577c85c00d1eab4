//! orrery-sample-sky.
