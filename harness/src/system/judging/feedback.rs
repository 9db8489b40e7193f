//! `[feedback]`: items that are acknowledged first and stored later.

use crate::system::language::PointerList;
use crate::system::table::table;
use crate::system::talk::Request;

table! {
    /// Feedback: acknowledged once it is in a pod's spool, stored afterwards.
    pub Feedback = "[feedback]" {
        /// Sends an item: `{item}` is its id, `{text}` its words.
        post: Request,
        /// Counts the account's stored items.
        count: Count,
        /// Gauge of the items that a pod has acknowledged and not stored yet.
        spooled: Option<String>,
        /// Folder of a pod's container in which they are kept, a volume of its own.
        spool: Option<String>,
        /// Text in the body of a refusal for want of room.
        no_room: Option<String>,
    }
}

table! {
    /// Counts the account's stored items.
    pub Count = "[feedback.count]" {
        +
        /// The request.
        request: Request,
        /// Pointer to the number.
        count: PointerList,
    }
}
