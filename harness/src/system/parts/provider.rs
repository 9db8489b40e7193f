//! `[provider]`: how the pods' client calls the provider.

use crate::system::language::Predicate;
use crate::system::table::table;

table! {
    /// How the pods call the provider. Which pod called is known by the connection, not by a header.
    pub ProviderRules = "[provider]" {
        /// How often the pods' client calls again if no byte of an answer came.
        client_retries: u32 = 0,
        /// True if the pods' client takes every answer that the format allows, so that an odd one is answered whole. Without it a turn may
        /// fail by one.
        lenient: bool = false,
        /// True if the model is shown the thread's earlier turns.
        conversation: bool = true,
        /// Calls that are no part of a turn, a title say: answered in plain words, not counted, not gated.
        asides: Vec<Aside>,
    }
}

table! {
    /// A call of the provider that is no part of a turn.
    pub Aside = "[[provider.asides]]" {
        /// What holds of the request.
        predicate as "where": Predicate,
    }
}
