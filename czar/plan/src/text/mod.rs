//! From text to tokens and trees: the lexer, the classes of statements, parameters, the gate before
//! the parser and the grammar of expressions.

pub(crate) mod grammar;
pub(crate) mod guard;
pub mod lex;
pub mod statement;
