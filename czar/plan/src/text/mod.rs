//! From text to tokens: the lexer, the classes of statements, parameters, and the gate before the parser.

pub(crate) mod guard;
pub mod lex;
pub mod statement;
