//! The answer that a story orders from the provider, in the words of its control language.

use std::fmt::Write as _;
use std::time::Duration;

use mock_ai::script::Oddity;
use mock_ai::token::{TextMode, is_key};

use crate::history::{Expect, TurnKey};

/// An answer to order from the provider. Built by a story, sent as hints inside the user's text, since a service under
/// test passes the text on and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    tokens: u32,
    size: usize,
    text: TextMode,
    gate_after: Option<u32>,
    directives: Vec<String>,
    fails: bool,
    /// True if not every client of the provider takes what it says.
    is_odd: bool,
}

impl Answer {
    /// An answer of `n` tokens, sent as fast as they are read.
    pub fn tokens(n: u32) -> Self {
        Self {
            tokens: n,
            size: 0,
            text: TextMode::Plain,
            gate_after: None,
            directives: Vec::new(),
            fails: false,
            is_odd: false,
        }
    }

    /// Holds every call's stream after `k` tokens until the turn's gate is opened.
    #[must_use]
    pub fn gate_after(mut self, k: u32) -> Self {
        self.gate_after = Some(k);
        self
    }

    /// Paces the tokens of the first call only; a call after a takeover answers at once.
    #[must_use]
    pub fn first_call_paced(mut self, between: Duration) -> Self {
        self.directives
            .push(format!("@1 slow:{}x{}", self.tokens, between.as_millis()));
        self
    }

    /// Paces the tokens of every call.
    #[must_use]
    pub fn paced(mut self, between: Duration) -> Self {
        self.directives
            .push(format!("slow:{}x{}", self.tokens, between.as_millis()));
        self
    }

    /// Pads each token to `bytes`.
    #[must_use]
    pub fn size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }

    /// Answers every call with an HTTP error.
    #[must_use]
    pub fn error(mut self, status: u16) -> Self {
        self.directives.push(format!("err:{status}"));
        self.fails = true;
        self
    }

    /// Breaks every call's body off after `k` tokens.
    #[must_use]
    pub fn broken_off_after(mut self, k: u32) -> Self {
        self.directives.push(format!("end#{k}:abort"));
        self.fails = true;
        self
    }

    /// Breaks the first call's body off after `k` tokens. Another call would answer in full, but none is owed: a service
    /// may try again or say that it failed, and may not pass a piece off as the whole.
    #[must_use]
    pub fn first_call_broken_off_after(mut self, k: u32) -> Self {
        self.directives.push(format!("@1 end#{k}:abort"));
        self
    }

    /// Resets the first call's connection after `k` tokens; as with [`Answer::first_call_broken_off_after`] no other call is
    /// owed.
    #[must_use]
    pub fn first_call_reset_after(mut self, k: u32) -> Self {
        self.directives.push(format!("@1 end#{k}:rst"));
        self
    }

    /// Ends the first call's stream in good order after `k` tokens, without saying why; no other call is owed.
    #[must_use]
    pub fn first_call_ends_after(mut self, k: u32) -> Self {
        self.directives.push(format!("@1 end#{k}:eof"));
        self
    }

    /// Refuses every call for now, and says when to come again.
    #[must_use]
    pub fn refused_for_now(mut self, again_in: Duration) -> Self {
        self.directives.push(format!("err:429,ra={}ms", again_in.as_millis()));
        self.fails = true;
        self
    }

    /// Lets every call differ from an ordinary one. With a page, or something unreadable, every call fails.
    #[must_use]
    pub fn odd(mut self, oddity: &Oddity) -> Self {
        match oddity {
            Oddity::Text(mode) => self.text = *mode,
            Oddity::Bad(_) | Oddity::Page(_) => self.fails = true,
            _ => {}
        }
        self.is_odd = true;
        self.directives.push(oddity.to_string());
        self
    }

    /// Lets the first token of every call wait.
    #[must_use]
    pub fn thinks_for(mut self, pause: Duration) -> Self {
        self.directives.push(format!("ttft:{}ms", pause.as_millis()));
        self
    }

    /// Lets the first call end in good order without having said anything.
    #[must_use]
    pub fn first_call_silent(mut self) -> Self {
        self.directives.push("@1 many:0".to_owned());
        self
    }

    /// Takes the first call and never answers it.
    #[must_use]
    pub fn first_call_hangs(mut self) -> Self {
        self.directives.push("@1 hang".to_owned());
        self
    }

    /// Says nothing for `pause` after `k` tokens of every call.
    #[must_use]
    pub fn stalls_after(mut self, k: u32, pause: Duration) -> Self {
        self.directives.push(format!("stall#{k}:{}ms", pause.as_millis()));
        self
    }

    /// The judge's expectation of a turn with this answer.
    pub fn expect(&self, key: &TurnKey) -> Expect {
        Expect {
            key: key.clone(),
            tokens: self.tokens,
            size: self.size,
            text: self.text,
            fails: self.fails,
            is_odd: self.is_odd,
        }
    }

    /// The user's text that orders this answer for the turn `key`.
    pub fn prompt(&self, key: &TurnKey) -> String {
        let mut text = format!("[[mock key:{key} many:{}", self.tokens);
        if self.size > 0 {
            let _ = write!(text, " size:{}", self.size);
        }
        for directive in &self.directives {
            let _ = write!(text, " {directive}");
        }
        if let Some(k) = self.gate_after {
            let _ = write!(text, " gate#{k}:{}", Self::gate(key));
        }
        text.push_str("]]");
        text
    }

    /// Name of a turn's gate.
    pub fn gate(key: &TurnKey) -> String {
        format!("gate-{key}")
    }
}

/// The key in a user's message, which may stand anywhere in the text. Returns `None` if there is none.
pub fn key_in(text: &str) -> Option<TurnKey> {
    let (_, hints) = text.split_once("[[mock key:")?;
    let key: &str = hints.split([' ', ']']).next()?;
    is_key(key).then(|| TurnKey::from(key))
}

#[cfg(test)]
mod tests {
    use mock_ai::script::Page;

    use super::*;

    #[test]
    fn an_answer_is_written_in_the_providers_control_language() {
        let key = TurnKey::from("t1");
        let text = Answer::tokens(20)
            .gate_after(3)
            .first_call_paced(Duration::from_millis(50))
            .size(64)
            .prompt(&key);
        assert_eq!(text, "[[mock key:t1 many:20 size:64 @1 slow:20x50 gate#3:gate-t1]]");
        mock_ai_understands(&text);
        mock_ai_understands(&Answer::tokens(2).error(429).prompt(&key));
        mock_ai_understands(&Answer::tokens(9).broken_off_after(2).prompt(&key));
        mock_ai_understands(&Answer::tokens(9).first_call_broken_off_after(2).prompt(&key));
        mock_ai_understands(&Answer::tokens(9).first_call_silent().prompt(&key));
        mock_ai_understands(&Answer::tokens(9).first_call_reset_after(2).prompt(&key));
        mock_ai_understands(&Answer::tokens(9).first_call_ends_after(2).prompt(&key));
        let second = Duration::from_secs(1);
        mock_ai_understands(
            &Answer::tokens(9)
                .refused_for_now(second)
                .thinks_for(second)
                .prompt(&key),
        );
        mock_ai_understands(&Answer::tokens(9).first_call_hangs().prompt(&key));
        mock_ai_understands(
            &Answer::tokens(9)
                .stalls_after(3, Duration::from_millis(2300))
                .prompt(&key),
        );
    }

    #[test]
    fn an_odd_answer_is_expected_in_its_form_and_to_fail_where_nobody_could_read_it() {
        let key = TurnKey::from("t1");
        let answer = Answer::tokens(2)
            .odd(&Oddity::Text(TextMode::Nul))
            .odd(&Oddity::Finish("{\"a\":[1]}".to_owned()));
        assert_eq!(
            answer.prompt(&key),
            r#"[[mock key:t1 many:2 text:nul finish:{"a":[1]}]]"#
        );
        mock_ai_understands(&answer.prompt(&key));
        let expect = answer.expect(&key);
        assert_eq!((expect.text, expect.fails), (TextMode::Nul, false));
        assert!(Answer::tokens(2).odd(&Oddity::Page(Page::Html)).expect(&key).fails);
    }

    fn mock_ai_understands(text: &str) {
        mock_ai::script::Script::from_prompt(text).expect("the provider takes what the plan orders");
    }
}
