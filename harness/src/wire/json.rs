//! JSON read into at most [`VALUES_MAX`] values. Pure.
//!
//! A limit on bytes does not limit memory: seven bytes of text (`{"":0},`) become hundreds of bytes of values. `serde_json`
//! itself limits the depth.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Most values in one text. At their largest they take about 70 MB.
pub const VALUES_MAX: u32 = 100_000;

/// Reads one JSON text.
///
/// # Errors
/// The text is not one JSON value, is nested too deeply, or holds more than [`VALUES_MAX`] values.
pub fn read(text: &[u8]) -> serde_json::Result<Value> {
    let left = Cell::new(VALUES_MAX);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Counted(&left).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads a value and counts it, and all in it.
#[derive(Clone, Copy)]
struct Counted<'a>(&'a Cell<u32>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        match self.0.get().checked_sub(1) {
            Some(left) => self.0.set(left),
            None => return Err(D::Error::custom(format!("over {VALUES_MAX} values"))),
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            all.insert(name, fields.next_value_seed(self)?);
        }
        Ok(all.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"a":[1,-2,3.5,null,true,"x\u00e9\n"],"b":{"a":{}},"a":"again"}"#,
            "18446744073709551615",
            " [] ",
        ] {
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(read(text.as_bytes()).expect("JSON"), expected);
        }
        for text in ["", "{", "1 2", "{\"a\":}", "\u{1}", "\"\u{1}\""] {
            let expected = serde_json::from_str::<Value>(text).expect_err("no JSON").to_string();
            assert_eq!(read(text.as_bytes()).expect_err("no JSON").to_string(), expected);
        }
    }

    #[test]
    fn neither_many_values_nor_deep_ones_are_held() {
        let items = |n: usize| format!("[{}0]", "0,".repeat(n));
        assert!(read(items(VALUES_MAX as usize - 2).as_bytes()).is_ok());
        let error = read(items(VALUES_MAX as usize).as_bytes()).expect_err("too many");
        assert!(error.to_string().starts_with("over 100000 values"), "{error}");
        let error = read("[".repeat(1 << 20).as_bytes()).expect_err("too deep");
        assert!(error.to_string().starts_with("recursion limit"), "{error}");
    }
}
