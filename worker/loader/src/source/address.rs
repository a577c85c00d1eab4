//! Where a download comes from.

use super::object::Object;

/// An address, or what gives one for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://` or `https://`.
    Url(String),
    /// An object of a bucket.
    Object(Object),
}

impl Address {
    /// The name people know it by.
    pub fn name(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Object(object) => object.name(),
        }
    }

    /// What to `GET`.
    pub fn get(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Object(object) => object.get(),
        }
    }

    /// What to `HEAD`.
    pub fn head(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Object(object) => object.head(),
        }
    }
}
