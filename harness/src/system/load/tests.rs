//! Descriptions are read: sound ones whole, wrong ones with every mistake at its place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::against::{ServiceSeen, check_against};
use super::{Beside, BesideFolder, Described, Description, Surroundings, load_text};
use crate::system::judging::Bound;
use crate::system::language::{Timespan, Values};
use crate::system::parts::{Keeps, Role};
use crate::system::stored::{Meaning, OnDeath, OwnerMap, RowKind};
use crate::system::stream::{Kind, LogCursor, Place, Resets, Says};
use crate::system::table::Number;
use crate::system::talk::{Body, Busy, Method, Scope};

const REFERENCE: &str = include_str!("../../../../fixtures/systems/reference/system.toml");
const COPIES: &str = include_str!("../../../tests/descriptions/copies-of-one-service.toml");
const STREAMED: &str = include_str!("../../../tests/descriptions/streamed-answers.toml");
const COOKIES: &str = include_str!("../../../tests/descriptions/cookies.toml");

const SMALL: &str = r#"schema = 1
name = "small"
compose = ["compose.yml"]

[pods]
services = ["chat"]
copies = 3
port = 8000
alive = "/live"

[parts.postgres]
role = "postgres"
url = "postgres://u:p@{at}/d"

[calls.turn]
request = "POST /turns"
json = { text = "{text}" }
capture = { turn = "/id" }

[calls.attach]
request = "GET /turns/{turn}/stream"

[calls.read]
request = "GET /turns/{turn}"
answer = { text = "/text", status = "/status" }

[stream]
kind = "/type"
frames = [
  { on = ["token"], is = "text", text = "/text" },
  { on = ["end"], is = "end", status = "/status" },
]

[statuses]
running = ["running"]
completed = ["done"]
"#;

fn load(text: &str) -> Result<Description, Vec<String>> {
    let missing = |file: &str| match file {
        "compose.yml" | "docker-compose.yml" => Beside::There,
        _ => Beside::Missing(vec!["docker-compose.yml".to_owned()]),
    };
    let around = Surroundings {
        file: &missing,
        folder: &|_| BesideFolder::Filled,
        is_set: &|variable| variable != "TOKEN_A",
        promises: &["NoSplice", "NoLeak", "LateAttachEquivalence", "WatchersAgree"],
        stories: &["owner_killed_mid_answer", "fault::kill"],
    };
    load_text("system.toml", text, &around).map_err(|problems| problems.lines())
}

/// The four whole descriptions name promises of the registry, which is another room's.
fn load_whole(text: &str) -> Description {
    let names: Vec<&str> = text
        .split('"')
        .filter(|word| word.starts_with(char::is_uppercase))
        .collect();
    let around = Surroundings {
        file: &|_| Beside::There,
        folder: &|_| BesideFolder::Filled,
        is_set: &|_| true,
        promises: &names,
        stories: &[],
    };
    match load_text("system.toml", text, &around) {
        Ok(description) => {
            assert_eq!(description.warnings.lines(), [""; 0]);
            description
        }
        Err(problems) => panic!("{problems}"),
    }
}

/// The small description with some texts in place of others.
fn small(changes: &[(&str, &str)]) -> String {
    let mut text = SMALL.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

/// The problems of the small description with some texts in place of others.
fn problems(changes: &[(&str, &str)]) -> Vec<String> {
    match load(&small(changes)) {
        Ok(description) => description.warnings.lines(),
        Err(lines) => lines,
    }
}

fn default(description: &Description) -> &Described {
    description.design(None).expect("there is one")
}

#[test]
fn the_reference_pod_is_described() {
    let description = load_whole(REFERENCE);
    let described = default(&description);
    assert_eq!(described.design.as_deref(), Some("log"));
    let system = &described.system;
    assert_eq!(system.pods.names(), ["pod-1", "pod-2", "pod-3"]);
    assert_eq!(system.pods.ready_needs, ["postgres", "nats"]);
    assert_eq!(system.pods.admin, Some(8082));
    let nats = system.parts.get("nats").expect("the design adds it");
    assert_eq!(
        (nats.role, nats.kept(), nats.used_ports()),
        (Role::Nats, Keeps::Always, vec![4222])
    );
    assert_eq!(system.defects.len(), 84);
    let attach = system.calls.attach.as_ref().expect("tails");
    assert_eq!((attach.scope(), attach.resume.len()), (Scope::Thread, 3));
    let cursor = system.stream.cursor.as_ref().expect("cursors");
    assert!(cursor.dense && cursor.at == Place::Id);
    let read = cursor
        .reads
        .reads("4-17-0123abcd", &Values::default())
        .expect("a cursor of the pod's");
    assert_eq!((read.number("epoch"), read.number("n")), (Some(4), Some(17)));
    let suite = system.profile(None).expect("a profile");
    let ms = |millis| Some(Timespan::from(Duration::from_millis(millis)));
    let bounds = &suite.bounds;
    assert_eq!(
        (bounds.lease, bounds.takeover, bounds.silence),
        (ms(1000), ms(2100), ms(2000))
    );
    assert_eq!(
        (bounds.terminal, bounds.revocation, bounds.drain),
        (ms(1500), ms(1500), ms(5000))
    );
    assert_eq!(
        system.profiles.names().collect::<Vec<_>>(),
        ["suite", "production-like"]
    );
    let log = system.log.as_ref().expect("the design adds it");
    assert_eq!(log.cursor, Some(LogCursor::Header("Frame-Id".to_owned())));
    let metrics = system.metrics.as_ref().expect("metrics");
    assert_eq!(
        metrics.gone_at_the_end.get("open tails").map(String::as_str),
        Some("pod_tails_open")
    );
    let feedback = system.feedback.as_ref().expect("feedback");
    assert_eq!(feedback.no_room.as_deref(), Some("\"no_room\""));
    assert!(
        system
            .rows
            .iter()
            .any(|row| row.is == RowKind::Thread && row.epoch.is_some())
    );
}

#[test]
fn copies_of_one_service_are_described() {
    let description = load_whole(COPIES);
    let system = &default(&description).system;
    assert_eq!(default(&description).design, None);
    assert_eq!(system.pods.names(), ["chat-1", "chat-2", "chat-3"]);
    assert!(system.pods.first_alone);
    assert_eq!(system.provider.client_retries, 2);
    assert_eq!(
        (system.auth.as_ref(), system.calls.turn.busy),
        (None, Some(Busy::Parallel))
    );
    let attach = system.calls.attach.as_ref().expect("tails");
    assert_eq!(attach.scope(), Scope::Turn);
    assert!(attach.resume[0].uses("cursor") && attach.start.uses("turn"));
    assert_eq!(system.stream.kind, Kind::Event);
    let kinds: Vec<Says> = system.stream.frames.iter().map(|rule| rule.says).collect();
    assert_eq!(kinds, [Says::Start, Says::Text, Says::Error, Says::End]);
    assert_eq!(system.statuses.meaning_of("interrupted"), Some(Meaning::Cancelled));
    assert_eq!(system.statuses.meaning_of("busy"), None);
    let owner = system.owner.as_ref().expect("an owner");
    let OwnerMap::Matches(pod) = owner.map() else {
        panic!("{owner:?}")
    };
    assert_eq!(pod.group("pod", "chat-3-7-worker-1"), Some("chat-3"));
    let long = system.profile(Some("production-like")).expect("a profile");
    assert_eq!(long.bounds.turn, Some(Timespan::from(Duration::from_hours(1))));
    assert_eq!(system.expected.len(), 2);
    assert!(system.expected[0].sometimes);
}

#[test]
fn streamed_answers_and_their_designs_are_described() {
    let description = load_whole(STREAMED);
    let names: Vec<Option<&str>> = description
        .designs
        .iter()
        .map(|described| described.design.as_deref())
        .collect();
    assert_eq!(names, [Some("queued"), Some("at-most-once")]);
    let system = &default(&description).system;
    assert!(system.calls.turn.streams && system.calls.turn.idempotent && !system.provider.conversation);
    assert!(matches!(
        system.calls.turn.request.patch.body(),
        Some(Body::Multipart(_))
    ));
    assert_eq!(system.calls.turn.request.line.method, Method::Post);
    assert!(matches!(
        system.stream.cursor.as_ref().map(|cursor| &cursor.at),
        Some(Place::At(_))
    ));
    let completed = system.stream.frames.iter().find(|rule| rule.whole.is_some());
    assert_eq!(completed.and_then(|rule| rule.outcome), Some(Meaning::Completed));
    assert_eq!(system.stream.frames[0].resets, Resets::Fixed(true));
    assert!(matches!(
        system.owner.as_ref().map(|owner| owner.map()),
        Some(OwnerMap::SaidInLog(_))
    ));
    assert_eq!(
        system.owner.as_ref().map(|owner| owner.on_death),
        Some(OnDeath::Survivor)
    );
    assert_eq!(system.expected.len(), 0);

    let once = &description.design(Some("at-most-once")).expect("a design").system;
    assert_eq!(once.owner.as_ref().map(|owner| owner.on_death), Some(OnDeath::Fails));
    let variables = &once.pods.variables;
    let value = |name: &str| variables.get(name).map(ToString::to_string);
    assert_eq!(
        (value("MAX_ATTEMPTS").as_deref(), value("TELEMETRY").as_deref()),
        (Some("1"), Some("false"))
    );
    assert_eq!(value("OPENAI_API_KEY").as_deref(), Some("sk-mock"), "tables merge");
    let bounds = &once.profile(None).expect("a profile").bounds;
    assert_eq!(bounds.attempts.map(Number::get), Some(1));
    assert_eq!(
        bounds.lease,
        Some(Timespan::from(Duration::from_secs(10))),
        "tables merge"
    );
    assert_eq!(once.expected.len(), 1);
    assert!(description.design(Some("other")).is_none());
}

#[test]
fn a_sign_in_of_many_steps_is_described() {
    let description = load_whole(COOKIES);
    let system = &default(&description).system;
    let auth = system.auth.as_ref().expect("a sign-in");
    assert_eq!(auth.steps.len(), 7);
    assert!(auth.accounts.stranger.is_some() && auth.steps[0].once && !auth.steps[1].once);
    let answer = serde_json::json!({ "result": { "content": [{ "text": "{\"id\":\"k1\"}" }] } });
    assert_eq!(
        auth.steps[4].request.capture["key"].text(&answer).as_deref(),
        Some("k1")
    );
    assert_eq!(system.parts.get("migrate").map(|part| part.role), Some(Role::Job));
    assert_eq!(system.provider.asides.len(), 1);
    let part = system.rows.iter().find(|row| row.is == RowKind::Part).expect("parts");
    let turn = part.turn.as_ref().expect("a column");
    assert_eq!((turn.name(), turn.rule.reads.is_some()), ("id", true));
    assert!(system.calls.read.is_none() && system.stream.cursor.is_none() && system.stream.complete);
    let bounds = system.profile(None).expect("a profile").bounds.derived(None);
    assert_eq!(bounds.drain, Bound::Derived(Timespan::from(Duration::from_secs(10))));
    assert!(bounds.terminal.is_said() && !bounds.revocation.is_said());
    assert_eq!(
        default(&description).place("stream.frames[0].is").map(|(line, _)| line),
        Some(118)
    );
}

#[test]
fn the_small_description_is_sound() {
    assert_eq!(problems(&[]), [""; 0]);
}

#[test]
fn ten_mistakes_are_ten_problems() {
    let found = problems(&[
        ("schema = 1", "schema = 2"),
        ("\"compose.yml\"", "\"docker-compose.yaml\""),
        ("copies = 3", "copies = \"3\""),
        ("alive = ", "alife = "),
        ("\"postgres\"\nurl", "\"pg\"\nurl"),
        ("POST /turns", "PSOT /turns"),
        ("{turn}/stream", "{run}/stream"),
        ("answer = { text", "answer = { txt"),
        ("is = \"end\"", "is = \"stop\""),
        ("running = [\"running\"]", "running = [\"done\"]"),
    ]);
    assert_eq!(
        found,
        [
            "system.toml:1:10 schema 2 is not known to crosspod 0.1.0; it knows 1",
            "system.toml:3:12 compose[0]: no such file: docker-compose.yaml; there is docker-compose.yml",
            "system.toml:7:10 pods.copies: wants a number, not a text",
            "system.toml:9:1 unknown key alife in [pods]; did you mean alive?",
            "system.toml:12:8 parts.postgres.role: no \"pg\" is known here; did you mean \"postgres\"?",
            "system.toml:16:11 calls.turn.request: \"PSOT\" is no method; did you mean POST?",
            "system.toml:21:11 calls.attach.request: {run} is no placeholder here; there are {account}, {nonce}, {provider}, {thread}, {turn}",
            "system.toml:25:12 unknown key txt in [calls.read.answer]; did you mean text?",
            "system.toml:31:24 stream.frames[1].is: no \"stop\" is known here; say start, text, end, error, state, resync, handover, broken or nothing",
            "system.toml:36:14 statuses.completed[0]: \"done\" is already listed as running",
        ]
    );
}

#[test]
fn a_key_behind_the_wrong_header_is_led_home() {
    let found = problems(&[
        ("compose = [\"compose.yml\"]\n", ""),
        ("alive = ", "compose = [\"compose.yml\"]\nalive = "),
    ]);
    assert_eq!(
        found,
        [
            "system.toml:1:1 compose is missing; say compose = [\"...\"]",
            "system.toml:8:1 unknown key compose in [pods]; it belongs to the top of the file, before the first [section]",
        ]
    );
}

#[test]
fn double_quotes_around_an_expression_hide_nothing() {
    let found = problems(&[
        ("alive = \"/live\"", "alive = \"/live\"\ncomplaint = \"^\\d+ ERROR\""),
        ("port = 8000", "port = 80000"),
        ("kind = \"/type\"", "kind \"/type\""),
        ("completed", "complete"),
    ]);
    assert_eq!(
        found,
        [
            "system.toml:8:8 pods.port: 80000 is not in 1 to 65535",
            "system.toml:10:16 \"\\d\" is no escape in a TOML string; use single quotes: '^\\d+ ERROR'",
            "system.toml:29:6 key with no value, expected `=`",
            "system.toml:37:1 unknown key complete in [statuses]; did you mean completed?",
        ]
    );
}

#[test]
fn a_variable_that_takes_longer_than_its_bound_is_shown() {
    let profile = "\n[profiles.suite]\nvariables = { LEASE_DURATION_SECONDS = \"30\" }\nbounds = { lease = \"5s\", takeover = \"9s\" }\n";
    let found = problems(&[("[statuses]", &format!("{profile}\n[statuses]"))]);
    assert_eq!(
        found,
        [
            "system.toml:37:20 profiles.suite.bounds.lease: LEASE_DURATION_SECONDS is 30 in the pods, lease is 5s; set the variable in profiles.suite.variables, or say the bound that belongs to it"
        ]
    );
}

#[test]
fn an_open_value_is_one_problem_whatever_else_it_would_be() {
    let found = problems(&[
        ("\"compose.yml\"", "\"?\""),
        ("port = 8000", "port = \"?\""),
        ("\"/live\"", "\"?\""),
        ("\"POST /turns\"", "\"?\""),
        ("\"/id\"", "\"?\""),
        ("is = \"end\"", "is = \"?\""),
    ]);
    let open = |place: &str, wanted: &str| format!("system.toml:{place}: crosspod init left this open: {wanted}");
    let expected = [
        open(
            "3:12 compose[0]",
            "text; The user's own compose files, which are never edited. Paths are taken from the folder of this file.",
        ),
        open("8:8 pods.port", "number, 1 to 65535; Port at which a pod serves HTTP."),
        open(
            "9:9 pods.alive",
            "text; Path that answers 2xx while the process lives and does not drain. It is waited for at each start.",
        ),
        open(
            "16:11 calls.turn.request",
            "METHOD /path, with placeholders; Method and path.",
        ),
        open(
            "18:20 calls.turn.capture.turn",
            "pointer; Values that are taken out of the answer, by name: a pointer, or a list of which the first that leads somewhere counts.",
        ),
        open(
            "31:24 stream.frames[1].is",
            "start, text, end, error, state, resync, handover, broken or nothing; What such a frame says.",
        ),
    ];
    assert_eq!(found, expected);
}

/// A change of the small description, and the one problem that it makes.
const ASKED_FOR: &[((&str, &str), &str)] = &[
    (
        ("services = [\"chat\"]", "services = [\"a\", \"b\", \"c\"]"),
        "system.toml:7:10 pods.copies: copies needs exactly one service; there are 3; leave copies out, or name one service",
    ),
    (
        (
            "alive = \"/live\"",
            "alive = \"/live\"\nready = \"/r\"\nready_needs = [\"posgres\"]",
        ),
        "system.toml:11:16 pods.ready_needs[0]: \"posgres\" is no part; there are postgres; did you mean \"postgres\"?",
    ),
    (
        (
            "alive = \"/live\"",
            "alive = \"/live\"\nvariables = { NAME = \"{pods}\" }",
        ),
        "system.toml:10:22 pods.variables.NAME: {pods} is no placeholder here; there are {defects}, {design}, {pod}, {provider}",
    ),
    (
        (
            "alive = \"/live\"",
            "alive = \"/live\"\nvariables = { KEY = \"{env.TOKEN_A}\" }",
        ),
        "system.toml:10:21 pods.variables.KEY: {env.TOKEN_A} is not set",
    ),
    (
        ("[calls.turn]", "[parts.redis]\nrole = \"redis\"\n\n[calls.turn]"),
        "system.toml:15:1 parts.redis: say keeps; \"always\", \"on-stop\" or \"never\": what a kill leaves of its data",
    ),
    (
        (
            "[calls.turn]",
            "[parts.objects]\nrole = \"other\"\nkeeps = \"always\"\n\n[calls.turn]",
        ),
        "system.toml:15:1 parts.objects: role \"other\" needs ports; say ports = [9000], for example",
    ),
    (
        ("POST /turns", "POST /turns/{thread}"),
        "system.toml:15:1 calls.turn: say busy: what a thread with a running turn does with the next; say busy = \"queues\", \"refuses\" or \"parallel\"",
    ),
    (
        (
            "{turn}/stream\"",
            "{turn}/stream\"\nresume = [{ query = { after = \"{cursor}\" } }]",
        ),
        "system.toml:28:1 stream: calls.attach resumes, and no frame has a cursor; say cursor = { at = \"id\" }, for example",
    ),
    (
        (
            "[statuses]",
            "[owner]\npod = '^(.+)$'\non_death = \"nothing\"\n\n[statuses]",
        ),
        "system.toml:35:7 owner.pod: has no group (?<pod>...)",
    ),
    (
        (
            "[statuses]",
            "[owner]\non_death = \"survivor\"\n[profiles.suite]\n\n[statuses]",
        ),
        "system.toml:35:12 owner.on_death: \"survivor\" needs bounds.lease and bounds.takeover in profile suite",
    ),
    (
        (
            "[statuses]",
            "[profiles.suite.bounds]\nlease = \"5s\"\ntakeover = \"3s\"\n\n[statuses]",
        ),
        "system.toml:36:12 profiles.suite.bounds.takeover: 3s is shorter than lease, 5s; a takeover begins when the lease is over: say more than the lease",
    ),
    (
        (
            "[statuses]",
            "[[expected]]\npromises = [\"NoSplices\"]\nstories = [\"*\"]\nwhy = \"w\"\n\n[statuses]",
        ),
        "system.toml:35:13 expected[0].promises[0]: no promise \"NoSplices\"; did you mean NoSplice?",
    ),
    (
        (
            "[statuses]",
            "[[rows]]\ntable = \"runs\"\nis = \"turn\"\nturn = \"id\"\nstatus = \"status\"\n\n[statuses]",
        ),
        "system.toml:35:9 rows[0].table: \"runs\" lacks its schema; say \"public.runs\", for example",
    ),
    (
        (
            "[statuses]",
            "[[rows]]\ntable = \"a.runs\"\nis = \"turn\"\nturn = \"id\"\n\n[statuses]",
        ),
        "system.toml:34:1 rows[0]: a turn needs a column for status; say status = \"status\", for example",
    ),
    (
        ("[statuses]", "[log]\npart = \"postgres\"\n\n[statuses]"),
        "system.toml:35:8 log.part: a log is read from a part of role \"nats\" or \"redis\", not \"postgres\"",
    ),
    (
        ("[statuses]\nrunning = [\"running\"]\ncompleted = [\"done\"]\n", ""),
        "system.toml:31:40 stream.frames[1].status: no word of it has a meaning; add [statuses]: running = [\"...\"], completed = [\"...\"], failed = [\"...\"]",
    ),
];

#[test]
fn keys_that_need_each_other_are_asked_for() {
    for (change, expected) in ASKED_FOR {
        assert_eq!(problems(&[*change]), [*expected], "{change:?}");
    }
}

#[test]
fn the_status_of_a_turn_may_stand_in_another_rule_of_its_kind() {
    let rules = "[[rows]]\ntable = \"a.jobs\"\nis = \"turn\"\nturn = \"id\"\n\n\
                 [[rows]]\ntable = \"a.runs\"\nis = \"turn\"\nturn = \"id\"\nstatus = \"s\"\n\n[statuses]";
    assert_eq!(problems(&[("[statuses]", rules)]), [""; 0]);
}

#[test]
fn odd_words_and_literal_secrets_are_warnings() {
    let odd = small(&[
        ("running = [\"running\"]", "running = [\"running\", \"error\"]"),
        (
            "[calls.turn]",
            "[auth]\nheaders = { authorization = \"Bearer 8f14e45fceea167a5a36dedd4bea2543\" }\naccounts = { own = {} }\n\n[calls.turn]",
        ),
    ]);
    let description = load(&odd).expect("warnings are no errors");
    assert_eq!(
        description.warnings.lines(),
        [
            "system.toml:16:29 auth.headers.authorization: this looks like a secret; take it from the environment: {env.NAME}",
            "system.toml:39:23 statuses.running[1]: \"error\" is an unlikely word for running; such a word means failed elsewhere",
        ]
    );
}

#[test]
fn a_mistake_in_one_design_is_shown_once_and_where_it_stands() {
    let found = problems(&[(
        "[statuses]",
        "[designs.one]\n[designs.two.pods]\nport = 0\n[designs.two.pods.variables]\nA = \"{b}\"\n\n[statuses]",
    )]);
    assert_eq!(
        found,
        [
            "system.toml:36:8 pods.port: 0 is not in 1 to 65535",
            "system.toml:38:5 pods.variables.A: {b} is no placeholder here; there are {defects}, {design}, {pod}, {provider}",
        ]
    );
    let found = problems(&[("[statuses]", "[designs.one]\nname = \"other\"\n\n[statuses]")]);
    assert_eq!(found, ["system.toml:35:1 designs.one: a design cannot change name"]);
}

fn service(name: &str, ports: &[u16], environment: &[(&str, &str)]) -> ServiceSeen {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ServiceSeen {
        name: name.to_owned(),
        ports: ports.to_vec(),
        environment: environment.iter().map(pair).collect::<BTreeMap<_, _>>(),
    }
}

#[test]
fn a_description_is_held_against_the_compose_file() {
    let profile = "[profiles.suite.bounds]\nlease = \"5s\"\ntakeover = \"9s\"\n\n[statuses]";
    let description = load(&small(&[("[statuses]", profile)])).expect("it is sound");
    let database = [("POSTGRES_USER", "u"), ("POSTGRES_PASSWORD", "p"), ("POSTGRES_DB", "d")];
    let sound = [service("chat", &[8000], &[]), service("postgres", &[5432], &database)];
    assert_eq!(check_against(default(&description), &sound).lines(), [""; 0]);

    let database = [("POSTGRES_PASSWORD", "other"), ("POSTGRES_USER", "u")];
    let wrong = [
        service("chat", &[8000], &[("LEASE_SECONDS", "30")]),
        service("chat-2", &[], &[]),
        service("postgres", &[], &database),
    ];
    assert_eq!(
        check_against(default(&description), &wrong).lines(),
        [
            "system.toml:7:10 pods.copies: a copy would be called chat-2, and compose.yml has such a service; rename the service",
            "system.toml:13:7 parts.postgres.url: the database is \"d\"; compose sets POSTGRES_DB=u",
            "system.toml:13:7 parts.postgres.url: the password is \"p\"; compose sets POSTGRES_PASSWORD=other",
            "system.toml:35:9 profiles.suite.bounds.lease: LEASE_SECONDS is 30 in chat, lease is 5s; set the variable in profiles.suite.variables, or say the bound that belongs to it",
        ]
    );

    let strangers = [service("chatt", &[], &[]), service("redis", &[], &[])];
    assert_eq!(
        check_against(default(&description), &strangers).lines(),
        [
            "system.toml:6:13 pods.services[0]: \"chat\" is no service of compose.yml; there are chatt, redis; did you mean \"chatt\"?",
            "system.toml:11:1 parts.postgres: \"postgres\" is no service of compose.yml; there are chatt, redis",
        ]
    );
}
