//! The state that the provider's handlers share.

use std::sync::Arc;

use crate::state::World;

/// The provider's demands on a request.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The models that exist; with none given, every name is one.
    pub models: Vec<String>,
    /// Whether a request without an API key is refused with 401. Which key it is does not matter.
    pub require_key: bool,
}

/// The caller whose requests alone come to an address of the provider.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Arc<str>);

/// The state that the provider's handlers share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) world: Arc<World>,
    pub(super) settings: Settings,
}
