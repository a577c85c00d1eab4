//! The archive from outside, on a real cluster. One program, so that it links once; `e2e/e2e.sh` runs one module after the other, because some
//! of them take away what others need.

mod answers;
mod away;
mod deaths;
mod declarations;
mod deletions;
mod drift;
mod families_of_rows;
mod ingests;
mod interruptions;
mod outages;
mod segments;
mod sleeping_operator;
mod statements;
