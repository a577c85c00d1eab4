//! Small durable files: they decide whether the agent may be trusted with a call at all, so they
//! survive a power cut at any moment.

pub mod durable;
pub mod identity;
pub mod term;
