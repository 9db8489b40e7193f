//! Placeholders: each must have a value at its place.

use super::look::{items, keys};
use super::surroundings::Surroundings;
use crate::system::language::{Template, UnknownName};
use crate::system::table::node::Value;
use crate::system::table::{Node, Problem};

/// Keys of a request that hold templates.
const OF_REQUEST: [&str; 6] = ["request", "headers", "query", "json", "form", "multipart"];
/// Names that every call knows.
const OF_CALLS: [&str; 3] = ["nonce", "account", "provider"];

/// Names that have a value at a place.
#[derive(Debug, Clone)]
struct Names(Vec<String>);

impl Names {
    fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn and(&self, names: &[&str]) -> Self {
        Self(self.0.iter().cloned().chain(Self::of(names).0).collect())
    }
}

/// Notes placeholders without a value.
struct Checker<'c, 's> {
    around: &'c Surroundings<'s>,
    found: &'c mut Vec<Problem>,
}

pub(super) fn check(tree: &Node, around: &Surroundings<'_>, found: &mut Vec<Problem>) {
    let mut checker = Checker { around, found };
    checker.start(tree);
    let signed_in = checker.auth(tree);
    let calls = checker.calls(tree, &signed_in);
    checker.value(tree.find("feedback.post"), &signed_in.and(&["item", "text"]), true);
    checker.value(tree.find("feedback.count"), &signed_in, true);
    for key in ["log.subject", "log.key"] {
        checker.value(tree.find(key), &calls, false);
    }
}

impl Checker<'_, '_> {
    fn start(&mut self, tree: &Node) {
        let of_pods = Names::of(&["pod", "provider", "design", "defects"]);
        self.value(tree.find("pods.variables"), &of_pods, false);
        for entry in tree.find("profiles").map_or(&[][..], Node::entries) {
            self.value(entry.node.get("variables"), &of_pods, false);
        }
        for entry in tree.find("parts").map_or(&[][..], Node::entries) {
            self.value(entry.node.get("url"), &Names::of(&["at"]), false);
        }
    }

    /// Checks the sign-in; returns the names that are known behind it.
    fn auth(&mut self, tree: &Node) -> Names {
        let accounts = tree.find("auth.accounts").map_or(&[][..], Node::entries);
        for account in accounts {
            self.value(Some(&account.node), &Names::of(&["nonce", "account"]), false);
        }
        let own = keys(tree, "auth.accounts.own");
        if let Some(stranger) = tree.find("auth.accounts.stranger") {
            for missing in own.iter().filter(|name| stranger.get(name).is_none()) {
                let problem = Problem::at(
                    stranger,
                    format!("{missing} is missing; the account own begins with it"),
                );
                self.found.push(problem);
            }
        }
        let mut known = Names::of(&OF_CALLS).and(&own);
        for step in items(tree, "auth.steps") {
            self.value(Some(step), &known, true);
            known = known.and(&captured(step));
        }
        self.value(tree.find("auth.headers"), &known, false);
        self.value(tree.find("auth.revoke"), &known, true);
        known
    }

    /// Checks the calls; returns the names that are known of a turn.
    fn calls(&mut self, tree: &Node, signed_in: &Names) -> Names {
        let call = |key: &str| tree.find("calls").and_then(|calls| calls.get(key));
        self.value(call("thread"), signed_in, true);
        let of_thread = call("thread").map(captured).unwrap_or_default();
        let in_thread = signed_in.and(&of_thread).and(&["thread"]);
        self.value(call("turn"), &in_thread.and(&["message", "text"]), true);
        let of_turn = call("turn").map(captured).unwrap_or_default();
        let known = in_thread.and(&of_turn).and(&["turn"]);
        for key in ["attach", "cancel", "read", "status"] {
            self.value(call(key), &known, true);
        }
        for key in ["start", "live"] {
            self.value(call("attach").and_then(|attach| attach.get(key)), &known, true);
        }
        for form in items(tree, "calls.attach.resume") {
            self.value(Some(form), &known.and(&["cursor"]), true);
        }
        known
    }

    /// Checks every text of a value; of a request only its templates.
    fn value(&mut self, node: Option<&Node>, known: &Names, is_request: bool) {
        let Some(node) = node else { return };
        match &node.value {
            Value::Text(text) => self.text(node, text, known),
            Value::List(items) => items.iter().for_each(|item| self.value(Some(item), known, false)),
            Value::Table(entries) => entries
                .iter()
                .filter(|entry| !is_request || OF_REQUEST.contains(&&*entry.key))
                .for_each(|entry| self.value(Some(&entry.node), known, false)),
            Value::Whole(_) | Value::Real(_) | Value::Flag(_) | Value::Date(_) => {}
        }
    }

    fn text(&mut self, node: &Node, text: &str, known: &Names) {
        let Ok(template) = Template::parse(text) else { return };
        for name in template.names() {
            let is_known = match name.strip_prefix("env.") {
                Some(variable) => (self.around.is_set)(variable),
                None => known.0.iter().any(|known| known == name),
            };
            if !is_known {
                let error = UnknownName::new(name, known.0.iter().map(String::as_str));
                self.found.push(Problem::at(node, error));
            }
        }
    }
}

/// The names that a request captures.
fn captured(request: &Node) -> Vec<&str> {
    let captured = request.get("capture").map_or(&[][..], Node::entries);
    captured.iter().map(|entry| &*entry.key).collect()
}
