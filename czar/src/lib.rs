//! orrery-czar.
