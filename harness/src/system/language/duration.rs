//! Durations and shares, as texts with a unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::values::Mistake;

/// Units of a duration, the longest first, with their milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration, in whole milliseconds: `"5s"`, `"1500ms"`, `"2m"`, `"1h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Timespan(Duration);

impl Timespan {
    /// Reads a duration.
    ///
    /// # Errors
    /// The text is no whole number with one of the units ms, s, m and h, or is longer than the milliseconds of a `u64`.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit.trim());
        let millis = |(_, millis): &(&str, u64)| number.parse::<u64>().ok()?.checked_mul(*millis);
        match unit.and_then(millis) {
            Some(millis) => Ok(Self(Duration::from_millis(millis))),
            None if digits > 0 && digits == text.len() => Err(Mistake(format!(
                "\"{text}\" has no unit; write \"{text}s\" or \"{text}ms\""
            ))),
            None => Err(Mistake(format!(
                "\"{text}\" is no duration: write a whole number and ms, s, m or h, such as \"1500ms\""
            ))),
        }
    }

    /// The duration.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Timespan {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

/// Writes the duration with the longest unit that gives a whole number.
impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let fits = |(_, unit): &&(&str, u64)| millis >= u128::from(*unit) && millis.is_multiple_of(u128::from(*unit));
        let (name, unit) = UNITS.iter().find(fits).unwrap_or(&("ms", 1));
        write!(f, "{}{name}", millis / u128::from(*unit))
    }
}

impl FromStr for Timespan {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Mistake> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Timespan {
    type Error = Mistake;

    fn try_from(text: String) -> Result<Self, Mistake> {
        Self::parse(&text)
    }
}

/// A share in percent: `"5%"`, `"0.5%"`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "String")]
pub struct Share(f64);

impl Share {
    /// Reads a share.
    ///
    /// # Errors
    /// The text is no number from 0 to 100 with `%`.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let number = text.strip_suffix('%').map(str::trim_end);
        let is_plain = |number: &&str| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent = number.filter(is_plain).and_then(|number| number.parse::<f64>().ok());
        match percent {
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent)),
            _ => Err(Mistake(format!(
                "\"{text}\" is no share: write a number from 0 to 100 and %, such as \"5%\""
            ))),
        }
    }

    /// The share in percent.
    pub fn percent(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl FromStr for Share {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Mistake> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Share {
    type Error = Mistake;

    fn try_from(text: String) -> Result<Self, Mistake> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, millis, written) in [
            ("5s", 5000, "5s"),
            ("1500ms", 1500, "1500ms"),
            ("2100 ms", 2100, "2100ms"),
            ("3600s", 3_600_000, "1h"),
            ("90m", 5_400_000, "90m"),
            ("1h", 3_600_000, "1h"),
            ("0s", 0, "0ms"),
        ] {
            let span = Timespan::parse(text).expect("a duration");
            assert_eq!(span.get(), Duration::from_millis(millis), "{text}");
            assert_eq!(span.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        for (text, message) in [
            ("5", "\"5\" has no unit; write \"5s\" or \"5ms\""),
            ("5 sec", "\"5 sec\" is no duration"),
            ("1.5s", "\"1.5s\" is no duration"),
            ("-1s", "\"-1s\" is no duration"),
            ("", "\"\" is no duration"),
            ("99999999999999999999s", "is no duration"),
            ("9999999999999999999h", "is no duration"),
        ] {
            let error = Timespan::parse(text).expect_err("no duration").to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn shares_are_percentages() {
        let share = Share::parse("5%").expect("a share");
        assert!((share.percent() - 5.0).abs() < f64::EPSILON);
        assert_eq!(share.to_string(), "5%");
        assert_eq!(Share::parse("0.5 %").expect("a share").to_string(), "0.5%");
        for text in ["5", "%", "101%", "-1%", "5s", "inf%", "NaN%"] {
            let error = Share::parse(text).expect_err("no share").to_string();
            assert!(error.starts_with(&format!("\"{text}\" is no share")), "{error}");
        }
    }
}
