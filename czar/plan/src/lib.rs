//! orrery-plan.
