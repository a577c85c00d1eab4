//! orrery-loader.
