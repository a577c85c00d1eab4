//! orrery-crds.
