//! Writes scripts in the control language, so that what is rendered reads back as the same script.

use std::{fmt, time::Duration};

use super::{Attempts, Directive, Entry, Script};

/// The envelope, as a prompt carries it; nothing for an empty script.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return Ok(());
        }
        f.write_str("[[mock")?;
        for Entry { attempts, directive } in &self.entries {
            f.write_str(" ")?;
            if *attempts != Attempts::ALL {
                write!(f, "{attempts} ")?;
            }
            write!(f, "{directive}")?;
        }
        f.write_str("]]")
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (1, None) => f.write_str("@*"),
            (first, None) => write!(f, "@{first}+"),
            (first, Some(last)) if first == last => write!(f, "@{first}"),
            (first, Some(last)) => write!(f, "@{first}-{last}"),
        }
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key:{key}"),
            Self::Slow { tokens, interval } => write!(f, "slow:{tokens}x{}", interval.as_millis()),
            Self::Many(tokens) => write!(f, "many:{tokens}"),
            Self::Size(bytes) => write!(f, "size:{bytes}"),
            Self::Ttft(duration) => write!(f, "ttft:{}", Time(*duration)),
            Self::Gate(gate) => write!(f, "gate#{}:{}", gate.after, gate.name),
            Self::Stall(stall) => write!(f, "stall#{}:{}", stall.after, Time(stall.duration)),
            Self::End(end) => write!(f, "end#{}:{}", end.after, end.mode.as_str()),
            Self::Err(failure) => {
                write!(f, "err:{}", failure.status)?;
                if let Some(after) = failure.retry_after {
                    write!(f, ",ra={}", Time(after))?;
                }
                match &failure.code {
                    Some(code) => write!(f, ",code={code}"),
                    None => Ok(()),
                }
            }
            Self::Hang => f.write_str("hang"),
            Self::Odd(oddity) => oddity.fmt(f),
        }
    }
}

struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms != 0 && ms.is_multiple_of(1000) {
            write!(f, "{}s", ms / 1000)
        } else {
            write!(f, "{ms}ms")
        }
    }
}
