//! Mock OpenAI-compatible streaming provider.
pub mod token;
