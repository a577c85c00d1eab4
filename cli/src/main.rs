//! kubectl-orrery.

fn main() {}
