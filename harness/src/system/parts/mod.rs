//! The running system: pods, the parts that they need, and the provider that they call.

pub mod edge;
pub mod part;
pub mod pods;
pub mod provider;

pub use edge::{Affinity, Candidate, Edge, Entry};
pub use part::{Keeps, Part, Role};
pub use pods::{Pods, Version};
pub use provider::{Aside, ProviderRules};
