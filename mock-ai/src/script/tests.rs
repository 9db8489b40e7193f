//! What the control language accepts, what it refuses and in which words, and that it reads back what it writes.

use super::*;
use crate::token::TextMode;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The plan of the first attempt under a prompt.
fn plan(prompt: &str) -> Plan {
    Script::from_prompt(prompt).unwrap().plan(1)
}

#[track_caller]
fn refused(prompt: &str, expected: &str) {
    assert_eq!(Script::from_prompt(prompt).unwrap_err().to_string(), expected);
}

#[test]
fn a_prompt_without_hints_gets_the_default_answer() {
    assert_eq!(
        plan("so slow: many people [[mockery many:few ]] say slow:fast"),
        Plan::default()
    );
}

#[test]
fn bare_words_set_the_shape() {
    assert_eq!(
        plan("Please answer slow:20x50ms, thanks"),
        Plan {
            tokens: 20,
            interval: ms(50),
            ..Plan::default()
        }
    );
    assert_eq!(
        plan("(many:300)"),
        Plan {
            tokens: 300,
            ..Plan::default()
        }
    );
    assert_eq!(
        plan("slow:2x9 then many:0"),
        Plan {
            tokens: 0,
            ..Plan::default()
        }
    );
}

#[test]
fn every_verb_is_read() {
    let script = Script::from_prompt(
        "é [[mock key:t-1 slow:5x10 size:64 ttft:20 gate#3:g.1 stall#2:10s end#4:rst err:429,ra=2s,code=slow_down]] x",
    )
    .unwrap();
    assert_eq!(script.key(), Some("t-1"));
    assert_eq!(
        script.plan(9),
        Plan {
            tokens: 5,
            interval: ms(10),
            size: 64,
            ttft: ms(20),
            gate: Some(Gate {
                after: 3,
                name: "g.1".to_owned()
            }),
            stall: Some(Stall {
                after: 2,
                duration: ms(10_000)
            }),
            end: Some(End {
                after: 4,
                mode: EndMode::Rst
            }),
            failure: Some(Failure {
                status: 429,
                retry_after: Some(ms(2000)),
                code: Some("slow_down".to_owned())
            }),
            hang: false,
            odd: Odd::default(),
        }
    );
    assert!(plan("[[mock hang]]").hang);
}

#[test]
fn a_selector_holds_for_the_directive_after_it() {
    let script = Script::from_prompt("[[mock many:4 @1 gate#2:a @2-3 err:503 @3+ many:9 @* size:30]]").unwrap();
    let plans: Vec<_> = (1..=4).map(|ordinal| script.plan(ordinal)).collect();
    assert_eq!(
        plans.iter().map(|p| p.gate.is_some()).collect::<Vec<_>>(),
        [true, false, false, false]
    );
    assert_eq!(
        plans.iter().map(|p| p.failure.is_some()).collect::<Vec<_>>(),
        [false, true, true, false]
    );
    assert_eq!(plans.iter().map(|p| p.tokens).collect::<Vec<_>>(), [4, 4, 9, 9]);
    assert!(plans.iter().all(|p| p.size == 30));
}

#[test]
fn the_later_directive_wins_and_the_header_after_the_prompt() {
    assert_eq!(plan("[[mock gate#1:a gate#5:b]]").gate.unwrap().name, "b");
    let prompt = Script::from_prompt("[[mock key:a many:3 size:40]]").unwrap();
    let header = Script::from_directives("many:5 key:b").unwrap();
    let both = prompt.then(header);
    assert_eq!((both.key(), both.plan(1).tokens, both.plan(1).size), (Some("b"), 5, 40));
}

#[test]
fn a_header_may_carry_the_envelope() {
    assert_eq!(
        Script::from_directives(" [[mock many:5]] ").unwrap(),
        Script::from_directives("many:5").unwrap()
    );
}

#[test]
fn two_envelopes_count_in_order() {
    assert_eq!(plan("[[mock many:2]] and [[mock many:7]]").tokens, 7);
}

#[test]
fn what_is_written_reads_back() {
    let script = Script::default()
        .with(Directive::Key("k".to_owned()))
        .with(Directive::Slow {
            tokens: 3,
            interval: ms(7),
        })
        .with(Directive::Many(4))
        .on(Attempts::from(2), Directive::Size(99))
        .on(
            Attempts::only(1),
            Directive::Gate(Gate {
                after: 0,
                name: "g".to_owned(),
            }),
        )
        .on(
            Attempts {
                first: 1,
                last: Some(2),
            },
            Directive::Ttft(ms(1500)),
        )
        .with(Directive::Stall(Stall {
            after: 1,
            duration: ms(2000),
        }))
        .with(Directive::End(End {
            after: 2,
            mode: EndMode::Abort,
        }))
        .with(Directive::Err(Failure {
            status: 500,
            retry_after: Some(ms(0)),
            code: None,
        }))
        .with(Directive::Hang);
    let text = script.to_string();
    assert_eq!(
        text,
        "[[mock key:k slow:3x7 many:4 @2+ size:99 @1 gate#0:g @1-2 ttft:1500ms stall#1:2s end#2:abort err:500,ra=0ms hang]]"
    );
    assert_eq!(Script::from_prompt(&text).unwrap(), script);
    assert_eq!(Script::default().to_string(), "");
}

/// Every oddity in words, and as it is read.
fn oddities() -> Vec<Oddity> {
    let mut all: Vec<Oddity> = Flag::WORDS.iter().map(|(_, flag)| Oddity::Flag(*flag)).collect();
    all.extend(Ping::WORDS.iter().map(|(_, ping)| Oddity::Ping(*ping)));
    all.extend(Extra::WORDS.iter().map(|(_, extra)| Oddity::Extra(*extra)));
    all.extend(Reasoning::WORDS.iter().map(|(_, place)| Oddity::Reasoning(*place)));
    all.extend(UsageMode::WORDS.iter().map(|(_, place)| Oddity::Usage(*place)));
    all.extend(TextMode::WORDS.iter().map(|(_, mode)| Oddity::Text(*mode)));
    all.extend(Page::WORDS.iter().map(|(_, page)| Oddity::Page(*page)));
    all.extend(
        BadKind::WORDS
            .iter()
            .map(|(_, kind)| Oddity::Bad(Bad { after: 3, kind: *kind })),
    );
    for json in [
        "null",
        "\"\"",
        "7",
        "-1.5",
        "true",
        "{\"a\":[1]}",
        "[\"stop\"]",
        "\"\\ud83d\"",
    ] {
        all.push(Oddity::Finish(json.to_owned()));
        all.push(Oddity::Unfinished(json.to_owned()));
    }
    all.push(Oddity::Linger(ms(400)));
    all
}

#[test]
fn every_oddity_reads_back_and_changes_the_plan() {
    for oddity in oddities() {
        let script = Script::default().with(Directive::Odd(oddity.clone()));
        let text = script.to_string();
        assert_eq!(Script::from_prompt(&text).unwrap(), script, "{text}");
        let is_default = matches!(oddity, Oddity::Text(TextMode::Plain));
        assert_eq!(plan(&text).odd == Odd::default(), is_default, "{text}");
    }
}

#[test]
fn a_word_stands_for_its_string_and_the_later_line_end_wins() {
    let odd = plan("[[mock finish:length unfinished:null crlf cr bom]]").odd;
    assert_eq!(
        (odd.finish.as_deref(), odd.unfinished.as_deref()),
        (Some("\"length\""), Some("null"))
    );
    assert!(odd.has(Flag::Cr) && odd.has(Flag::Bom) && !odd.has(Flag::Crlf));
}

#[test]
fn an_oddity_says_what_it_takes() {
    refused("[[mock bom:1]]", "`bom:1` at byte 7: `bom` takes no argument");
    refused(
        "[[mock ping#1:all]]",
        "`ping#1:all` at byte 7: bad position `1`, expected a number of tokens, and only on gate, stall, end and bad",
    );
    refused(
        "[[mock ping:pong]]",
        "`ping:pong` at byte 7: expected ping:WORD, one of comment, event, data, retry, all",
    );
    refused(
        "[[mock finish:{]]",
        "`finish:{` at byte 7: expected finish:JSON, a JSON value without white space of up to 1024 bytes, as in finish:\"\" or finish:null",
    );
    refused(
        "[[mock bad:json]]",
        "`bad:json` at byte 7: `bad` needs the number of tokens sent before it, as in `bad#3`",
    );
}

#[test]
fn an_unknown_verb_is_named_with_its_place() {
    refused(
        "é [[mock many:2 bogus:1]]",
        "`bogus:1` at byte 17: unknown verb `bogus`, expected key, slow, many, size, ttft, gate, stall, end, err, hang or one of the oddities: bom, crlf, cr, bare, closing, nodone, nofinish, ping, extra, reasoning, usage, text, page, bad, finish, unfinished, linger",
    );
}

#[test]
fn a_bad_argument_says_what_was_expected() {
    refused(
        "[[mock key:a.b]]",
        "`key:a.b` at byte 7: expected key:ID of 1 to 64 letters, digits, `-` or `_`",
    );
    refused(
        "[[mock slow:5]]",
        "`slow:5` at byte 7: expected slow:NxMS, tokens and milliseconds between them, as in slow:20x50",
    );
    refused(
        "[[mock many:x]]",
        "`many:x` at byte 7: expected many:N, a number of tokens",
    );
    refused(
        "[[mock many:1000001]]",
        "`many:1000001` at byte 7: at most 1000000 tokens in an answer",
    );
    refused(
        "[[mock size:1048577]]",
        "`size:1048577` at byte 7: expected size:B, at most 1048576 bytes a token",
    );
    refused(
        "[[mock stall#1:10m]]",
        "`stall#1:10m` at byte 7: bad time `10m`, expected milliseconds, or a number with ms or s, and at most 86400 s",
    );
    refused(
        "[[mock gate#1:a/b]]",
        "`gate#1:a/b` at byte 7: expected gate#k:NAME of 1 to 128 letters, digits, `-`, `_` or `.`",
    );
    refused(
        "[[mock end#1:bang]]",
        "`end#1:bang` at byte 7: expected end#k:eof, end#k:abort or end#k:rst",
    );
    refused(
        "[[mock err:200]]",
        "`err:200` at byte 7: expected err:STATUS with a status from 400 to 599",
    );
    refused(
        "[[mock err:500,x=1]]",
        "`err:500,x=1` at byte 7: bad option `x=1`, expected ra=TIME or code=WORD",
    );
    refused("[[mock hang:1]]", "`hang:1` at byte 7: `hang` takes no argument");
}

#[test]
fn a_position_is_asked_for_where_it_counts() {
    refused(
        "[[mock gate:g]]",
        "`gate:g` at byte 7: `gate` needs the number of tokens sent before it, as in `gate#3`",
    );
    refused(
        "[[mock many#1:2]]",
        "`many#1:2` at byte 7: bad position `1`, expected a number of tokens, and only on gate, stall, end and bad",
    );
    refused(
        "[[mock end#x:eof]]",
        "`end#x:eof` at byte 7: bad position `x`, expected a number of tokens, and only on gate, stall, end and bad",
    );
}

#[test]
fn a_selector_is_well_formed_and_has_something_to_select() {
    let bad = "bad selector, expected @1, @1-2, @3+ or @*, attempts counted from 1";
    refused("[[mock @0 many:1]]", &format!("`@0` at byte 7: {bad}"));
    refused("[[mock @3-2 many:1]]", &format!("`@3-2` at byte 7: {bad}"));
    refused(
        "[[mock many:1 @2]]",
        "`@2` at byte 14: a selector must be followed by a directive",
    );
    refused(
        "[[mock @1 @2 many:1]]",
        "`@1` at byte 7: a selector must be followed by a directive",
    );
    refused(
        "[[mock @1 key:k]]",
        "`key:k` at byte 10: key takes no selector, because attempts are counted by key",
    );
}

#[test]
fn an_envelope_is_closed_and_not_empty() {
    refused(
        "so [[mock many:2",
        "`[[mock` at byte 3: the envelope is not closed by `]]`",
    );
    refused("[[mock]]", "`[[mock` at byte 0: the envelope holds no directive");
}
