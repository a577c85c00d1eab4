//! orrery-operator.

fn main() {}
