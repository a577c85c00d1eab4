//! orrery-agent.
