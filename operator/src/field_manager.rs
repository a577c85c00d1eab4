//! Under which name the operator writes, and the parameters of its writes.

use kube::api::{PatchParams, PostParams};

/// Field manager of everything the operator writes.
pub const NAME: &str = "orrery-operator";

/// Parameters of a create or a replace.
pub fn post() -> PostParams {
    PostParams {
        field_manager: Some(NAME.into()),
        ..PostParams::default()
    }
}

/// Parameters of a merge patch.
pub fn merge() -> PatchParams {
    PatchParams {
        field_manager: Some(NAME.into()),
        ..PatchParams::default()
    }
}

/// Parameters of a server-side apply, which takes fields over from whoever else wrote them.
pub fn apply() -> PatchParams {
    PatchParams::apply(NAME).force()
}
