//! Tables of a description: declared once, read with every mistake noted, and shown on the reference page.
//!
//! `table!` declares a table: its keys with their docs, types and defaults. From that one declaration come the Rust type, the reader, the
//! list of known keys, the reference page and the JSON schema for editors. A reader never stops at the first mistake: it notes the
//! mistake with its place and reads the next key. `serde` stops at the first, and `schemars` describes only what `serde` reads.

pub mod language;
pub mod nearest;
pub mod node;
pub mod open;
pub mod problem;
pub mod read;
pub mod reference;
pub mod shape;
pub mod unknown;

pub use node::Node;
pub use problem::{Problem, Problems, Source};
pub use read::{Filled, Keys, Named, Number, Read, Section, empty};
pub use shape::{Key, Page, Presence, Shape};

/// Lines of a doc comment as one text.
pub(crate) fn doc(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join("\n").trim().to_owned()
}

/// Declares a table of a description.
///
/// `+ name: Type` takes over all keys of another table. `name as "key": Type` is for keys that are no names in Rust. A key without a
/// default must be said, unless its type has a value for absence (`Option`, `Vec`, maps). `check` names a function
/// `fn(&Self, &Node, &mut Vec<Problem>)` that looks at the table as a whole.
macro_rules! table {
    (
        $(#[doc = $doc:literal])*
        $vis:vis $name:ident = $header:literal {
            $( + $(#[doc = $flat_doc:literal])* $flat:ident: $flat_type:ty, )*
            $( $(#[doc = $key_doc:literal])* $key:ident $(as $toml:literal)?: $type:ty $(= $default:expr $(=> $shown:literal)?)?, )*
        }
        $(check $check:path)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $flat_doc])* $vis $flat: $flat_type, )*
            $( $(#[doc = $key_doc])* $vis $key: $type, )*
        }

        impl $crate::system::table::Section for $name {
            fn keys() -> Vec<$crate::system::table::Key> {
                let all = [
                    vec![$( $crate::system::table::Key {
                        name: $crate::system::table::table!(@name $key $($toml)?),
                        doc: $crate::system::table::doc(&[$($key_doc),*]),
                        shape: <$type as $crate::system::table::Read>::shape(),
                        presence: $crate::system::table::table!(@presence $type $(, $default $(=> $shown)?)?),
                    }),*],
                    $( <$flat_type as $crate::system::table::Section>::keys(), )*
                ];
                all.into_iter().flatten().collect()
            }

            fn take(keys: &mut $crate::system::table::Keys<'_, '_>) -> Option<Self> {
                $( let $flat = <$flat_type as $crate::system::table::Section>::take(keys); )*
                $( let $key = $crate::system::table::table!(
                    @take keys, $crate::system::table::table!(@name $key $($toml)?), $type $(, $default)?
                ); )*
                let read = Self { $( $flat: $flat?, )* $( $key: $key?, )* };
                $( let (node, found) = keys.parts(); $check(&read, node, found); )?
                Some(read)
            }
        }

        impl $crate::system::table::Read for $name {
            fn shape() -> $crate::system::table::Shape {
                $crate::system::table::Shape::Table(|| $crate::system::table::Page {
                    name: $header,
                    doc: $crate::system::table::doc(&[$($doc),*]),
                    keys: <Self as $crate::system::table::Section>::keys(),
                })
            }

            fn read(
                node: &$crate::system::table::Node,
                found: &mut Vec<$crate::system::table::Problem>,
            ) -> Option<Self> {
                let mut keys = $crate::system::table::Keys::of(node, <Self as $crate::system::table::Section>::keys(), found)?;
                <Self as $crate::system::table::Section>::take(&mut keys)
            }
        }
    };
    (@name $key:ident) => { stringify!($key) };
    (@name $key:ident $toml:literal) => { $toml };
    (@presence $type:ty) => { <$type as $crate::system::table::Read>::presence() };
    (@presence $type:ty, $default:expr) => { $crate::system::table::Presence::Default(stringify!($default)) };
    (@presence $type:ty, $default:expr => $shown:literal) => { $crate::system::table::Presence::Default($shown) };
    (@take $keys:ident, $name:expr, $type:ty) => { $keys.take::<$type>($name) };
    (@take $keys:ident, $name:expr, $type:ty, $default:expr) => { $keys.take_or::<$type>($name, || Some($default)) };
}

/// Declares a choice of words.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        $vis:vis $name:ident { $( $(#[doc = $word_doc:literal])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $( $(#[doc = $word_doc])* $variant, )+
        }

        impl $name {
            /// The word for it in a description.
            $vis const fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $crate::system::table::Read for $name {
            fn shape() -> $crate::system::table::Shape {
                $crate::system::table::Shape::Words(&[
                    $( ($word, concat!($($word_doc),*)), )+
                ])
            }

            fn read(
                node: &$crate::system::table::Node,
                found: &mut Vec<$crate::system::table::Problem>,
            ) -> Option<Self> {
                $crate::system::table::read::word(node, &[$( ($word, Self::$variant), )+], found)
            }
        }
    };
}

pub(crate) use {table, words};

#[cfg(test)]
mod tests;
