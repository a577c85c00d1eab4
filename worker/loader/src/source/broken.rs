//! Why reading a source ended.

use thiserror::Error;

use crate::fault::Fault;

/// Why a download ended.
#[derive(Debug, Error, Clone)]
pub enum Broken {
    /// Another version is there now.
    #[error("{0}")]
    Changed(String),
    /// The server says there is nothing.
    #[error("{0}")]
    Missing(String),
    /// It does not answer, or refuses.
    #[error("{0}")]
    Unreachable(String),
}

impl Broken {
    /// As the fault of the source `name`.
    pub fn fault(&self, name: &str) -> Fault {
        match self {
            Self::Changed(what) => Fault::SourceChanged {
                file: name.to_owned(),
                what: what.clone(),
            },
            Self::Missing(what) => Fault::SourceMissing {
                file: name.to_owned(),
                what: what.clone(),
            },
            Self::Unreachable(what) => Fault::Unreachable {
                who: name.to_owned(),
                what: what.clone(),
            },
        }
    }
}

/// The fault behind an I/O error of a source: its own when the downloader put one in, a bad file
/// else.
pub fn read_fault(name: &str, error: &std::io::Error) -> Fault {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Broken>())
    {
        Some(broken) => broken.fault(name),
        None => Fault::BadFile {
            file: name.to_owned(),
            what: match error.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    "ends too early: the compressed stream is truncated".into()
                }
                _ => error.to_string(),
            },
        },
    }
}
