//! The archive from outside, on a real cluster. One program, so that it links once; `e2e/tests/run`
//! runs it. `.config/nextest.toml` says which modules run alone, because they take away what others
//! need.

mod answers;
mod away;
mod buckets;
mod catalog_lost;
mod deaths;
mod declarations;
mod deletions;
mod drains;
mod drift;
mod families_of_rows;
mod ingests;
mod integrity;
mod interruptions;
mod outages;
mod plugin;
mod pools;
mod quick;
mod quickstart;
mod repair;
mod segments;
mod sleeping_operator;
mod statements;
mod trouble;
