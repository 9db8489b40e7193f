//! How far a list or a stream of a Redis store was read. Pure.
//!
//! A reader of a log asks for the entry that was read last too. If that is still where it was, nothing that came behind it was
//! lost: lists are trimmed and streams are cut at their beginning.

use std::fmt;

/// Largest entry that is kept to find it again, in bytes.
const LAST_MAX: usize = 64 << 10;

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// The length of one that is longer than what is held.
    TooLong(u64),
}

/// The id of an entry of a stream: its time in milliseconds, and its number in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId(u64, u64);

impl StreamId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ms, number) = text.split_once('-')?;
        Some(Self(ms.parse().ok()?, number.parse().ok()?))
    }

    /// The least id behind it.
    pub(super) fn next(self) -> Self {
        match self.1.checked_add(1) {
            Some(number) => Self(self.0, number),
            None => Self(self.0.saturating_add(1), 0),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// How far a list was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ListPlace {
    /// Index of the next entry.
    next: u64,
    /// The entry that was read last, unless it is too large to be kept.
    last: Option<Vec<u8>>,
    /// True if entries may have been lost since the last reading.
    gap: bool,
}

impl ListPlace {
    /// First and last index of the entries to ask for: the one that was read last, and up to `page` more.
    pub(super) fn range(&self, page: u64) -> (u64, u64) {
        let first = self.next - u64::from(self.last.is_some());
        (first, self.next + page - 1)
    }

    /// Takes what the list has in that range. Returns the entries that are new, or `None` if the one that was read last is not where
    /// it was: then ask where it is, and say so with [`ListPlace::found`].
    pub(super) fn take(&mut self, mut items: Vec<Item>) -> Option<Vec<Item>> {
        if let Some(last) = &self.last {
            match items.first() {
                Some(Item::Bytes(first)) if first == last => drop(items.remove(0)),
                _ => return None,
            }
        } else if items.is_empty() && self.next > 0 {
            return None;
        }
        self.next += items.len() as u64;
        match items.last() {
            None => {}
            Some(Item::Bytes(last)) if last.len() <= LAST_MAX => self.last = Some(last.clone()),
            Some(_) => self.last = None,
        }
        Some(items)
    }

    /// The entry that was read last, to be found again. Returns `None` if it was too large to be kept.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.last.as_deref()
    }

    /// Takes where the entry that was read last is now. Without it the list is another one, or was trimmed beyond it: all of it is new.
    pub(super) fn found(&mut self, index: Option<u64>) {
        if let Some(index) = index {
            self.next = index + 1;
        } else {
            *self = Self {
                gap: true,
                ..Self::default()
            };
        }
    }

    /// Takes the length of the list, if the entry that was read last cannot be found again. A shorter list is another one.
    pub(super) fn has_length(&mut self, length: u64) {
        let index = (length >= self.next).then_some(self.next - 1);
        self.found(index);
    }

    /// Goes behind the last entry of a list of so many.
    pub(super) fn pass(&mut self, length: u64, last: Option<Item>) {
        let last = last.filter(|_| length > 0);
        *self = Self {
            next: length,
            last: last.and_then(|item| match item {
                Item::Bytes(bytes) if bytes.len() <= LAST_MAX => Some(bytes),
                _ => None,
            }),
            gap: false,
        };
    }

    /// True once if entries may have been lost in front of the next one.
    pub(super) fn take_gap(&mut self) -> bool {
        std::mem::take(&mut self.gap)
    }
}

/// How far a stream was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StreamPlace {
    /// The entry that was read last.
    last: Option<StreamId>,
    /// True if entries may have been lost since the last reading.
    gap: bool,
}

impl StreamPlace {
    /// The id from which entries are asked for: that of the entry that was read last.
    pub(super) fn from(&self) -> String {
        self.last.map_or_else(|| "-".to_owned(), |last| last.to_string())
    }

    /// Takes the entries that the stream has from there on. Returns those that are new, or `None` if there are none, not even the
    /// one that was read last: then ask for the newest, and say so with [`StreamPlace::has_newest`].
    pub(super) fn take<T>(&mut self, mut entries: Vec<(StreamId, T)>) -> Option<Vec<(StreamId, T)>> {
        if let Some(last) = self.last {
            match entries.first() {
                None => return None,
                Some((first, _)) if *first == last => drop(entries.remove(0)),
                Some(_) => self.gap = true,
            }
        }
        if let Some((newest, _)) = entries.last() {
            self.last = Some(*newest);
        }
        Some(entries)
    }

    /// Takes the id of the stream's newest entry. A stream whose newest entry is older than what was read is another one: all of
    /// it is new. Returns true if there is something to read.
    pub(super) fn has_newest(&mut self, newest: Option<StreamId>) -> bool {
        let is_another = newest.is_some_and(|newest| self.last.is_some_and(|last| newest < last));
        if is_another {
            *self = Self { last: None, gap: true };
        }
        is_another
    }

    /// Goes behind the newest entry.
    pub(super) fn pass(&mut self, newest: Option<StreamId>) {
        *self = Self {
            last: newest,
            gap: false,
        };
    }

    /// True once if entries may have been lost in front of the next one.
    pub(super) fn take_gap(&mut self) -> bool {
        std::mem::take(&mut self.gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(texts: &[&str]) -> Vec<Item> {
        let bytes = texts.iter().map(|text| text.as_bytes().to_vec());
        bytes.map(Item::Bytes).collect()
    }

    /// The entries of a list that a reader at `place` is given.
    fn page(place: &ListPlace, held: &[&str], page: u64) -> Vec<Item> {
        let (first, last) = place.range(page);
        let within = held.iter().take(last as usize + 1).skip(first as usize);
        items(&within.copied().collect::<Vec<_>>())
    }

    fn read(place: &mut ListPlace, list: &[&str]) -> Option<Vec<Item>> {
        let page = page(place, list, 3);
        place.take(page)
    }

    #[test]
    fn a_list_that_grows_is_read_page_by_page() {
        let mut place = ListPlace::default();
        assert_eq!(read(&mut place, &[]), Some(items(&[])));
        let list = ["a", "b", "c", "d", "e"];
        assert_eq!(read(&mut place, &list[..2]), Some(items(&["a", "b"])));
        assert_eq!(read(&mut place, &list[..2]), Some(items(&[])));
        assert_eq!(read(&mut place, &list), Some(items(&["c", "d", "e"])));
        assert_eq!((place.range(3), place.take_gap()), ((4, 7), false));
    }

    #[test]
    fn a_list_that_was_trimmed_is_read_on_behind_the_entry_that_was_read_last() {
        let mut place = ListPlace::default();
        read(&mut place, &["a", "b", "c"]);
        assert_eq!(read(&mut place, &["b", "c", "d"]), None);
        assert_eq!(place.last(), Some(&b"c"[..]));
        place.found(Some(1));
        assert_eq!(read(&mut place, &["b", "c", "d"]), Some(items(&["d"])));
        assert!(!place.take_gap(), "nothing was lost");
    }

    #[test]
    fn a_list_that_was_emptied_or_trimmed_too_far_is_read_anew_behind_a_gap() {
        for later in [&[][..], &["x"], &["x", "y", "z"], &["x", "y", "z", "w"]] {
            let mut place = ListPlace::default();
            read(&mut place, &["a", "b", "c"]);
            assert_eq!(read(&mut place, later), None, "{later:?}");
            place.found(None);
            assert_eq!(read(&mut place, later), Some(items(&later[..later.len().min(3)])));
            assert_eq!((place.take_gap(), place.take_gap()), (true, false));
        }
    }

    #[test]
    fn an_entry_that_is_too_large_to_be_kept_is_told_by_the_length() {
        let mut place = ListPlace::default();
        assert_eq!(
            place.take(vec![Item::TooLong(1 << 30)]),
            Some(vec![Item::TooLong(1 << 30)])
        );
        assert_eq!((place.range(3), place.last()), ((1, 3), None));
        assert_eq!(place.take(Vec::new()), None);
        place.has_length(1);
        assert_eq!((place.range(3), place.gap), ((1, 3), false));
        assert_eq!(place.take(items(&["b"])), Some(items(&["b"])));
        let large = Item::Bytes(vec![b'x'; LAST_MAX + 1]);
        assert_eq!(
            place.take(vec![items(&["b"]).remove(0), large.clone()]),
            Some(vec![large])
        );
        place.has_length(0);
        assert_eq!((place.range(3), place.take_gap()), ((0, 2), true));
    }

    #[test]
    fn a_list_can_be_passed_over() {
        let mut place = ListPlace::default();
        place.pass(2, items(&["b"]).pop());
        assert_eq!(read(&mut place, &["a", "b", "c"]), Some(items(&["c"])));
        place.pass(0, None);
        assert_eq!(read(&mut place, &["a"]), Some(items(&["a"])));
    }

    fn id(text: &str) -> StreamId {
        StreamId::parse(text).expect("an id")
    }

    fn ids(texts: &[&str]) -> Vec<(StreamId, ())> {
        texts.iter().map(|text| (id(text), ())).collect()
    }

    #[test]
    fn ids_are_in_the_order_of_their_numbers() {
        assert_eq!(id("1700000000000-12").to_string(), "1700000000000-12");
        assert!(id("9-1") < id("10-0") && id("9-2") < id("9-10"));
        assert_eq!(
            (id("9-1").next(), id(&format!("9-{}", u64::MAX)).next()),
            (id("9-2"), id("10-0"))
        );
        for text in ["", "1", "1-", "-1", "1-x", "a-1", "1-2-3"] {
            assert_eq!(StreamId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_stream_is_read_from_its_last_id_on() {
        let mut place = StreamPlace::default();
        assert_eq!(place.from(), "-");
        assert_eq!(place.take(ids(&[])), Some(ids(&[])));
        assert_eq!(place.take(ids(&["5-0", "5-1"])), Some(ids(&["5-0", "5-1"])));
        assert_eq!(place.from(), "5-1");
        assert_eq!(place.take(ids(&["5-1"])), Some(ids(&[])));
        assert_eq!(place.take(ids(&["5-1", "6-0"])), Some(ids(&["6-0"])));
        assert!(!place.take_gap(), "nothing was lost");
    }

    #[test]
    fn a_stream_that_was_cut_goes_on_behind_a_gap() {
        let mut place = StreamPlace::default();
        place.take(ids(&["5-0"]));
        assert_eq!(place.take(ids(&["7-0"])), Some(ids(&["7-0"])));
        assert_eq!((place.take_gap(), place.from()), (true, "7-0".to_owned()));
    }

    #[test]
    fn a_stream_that_was_made_again_is_read_from_its_beginning() {
        let mut place = StreamPlace::default();
        place.take(ids(&["5-0"]));
        assert_eq!(place.take(ids(&[])), None);
        assert!(!place.has_newest(None), "it is gone");
        assert_eq!(place.from(), "5-0");
        assert!(place.has_newest(Some(id("0-1"))));
        assert_eq!(place.take(ids(&["0-1"])), Some(ids(&["0-1"])));
        assert!(place.take_gap());
        place.pass(Some(id("9-9")));
        assert_eq!((place.from(), place.take_gap()), ("9-9".to_owned(), false));
    }
}
