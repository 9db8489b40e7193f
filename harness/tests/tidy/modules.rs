//! A module as its source says it: the names that it defines, imports and uses.

use std::collections::BTreeSet;

use super::tokens::{group_end, item_end, keyword};

/// The content of one module, without its child modules in other files.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Functions, types, constants and macros that it defines.
    pub(crate) items: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
    /// Every path of its code.
    pub(crate) paths: BTreeSet<Named>,
    pub(crate) impls: Vec<Impl>,
    /// Modules that are written inside it.
    pub(crate) inner: Vec<(String, Module)>,
}

/// One imported name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    /// The name that it has here; none for a whole module's names.
    pub(crate) name: Option<String>,
    /// True if others may import it from here.
    pub(crate) is_exported: bool,
}

/// One path in code.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    /// True if its arguments follow.
    pub(crate) is_called: bool,
}

/// One `impl` block.
#[derive(Debug)]
pub(crate) struct Impl {
    /// The path of the type.
    pub(crate) of: Vec<String>,
    pub(crate) functions: BTreeSet<String>,
    /// Functions of the type that it calls through `self` or `Self`.
    pub(crate) calls: BTreeSet<String>,
}

impl Module {
    /// Reads a module, whose test code has been left out.
    pub(crate) fn read(tokens: &[&str]) -> Self {
        let mut module = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at] == "#" {
                let bracket = if tokens.get(at + 1) == Some(&"!") {
                    at + 2
                } else {
                    at + 1
                };
                at = group_end(tokens, bracket);
                continue;
            }
            // A bracket that nothing opened would end no item.
            let end = item_end(tokens, at).max(at + 1);
            module.add_item(&tokens[at..end]);
            at = end;
        }
        module
    }

    fn add_item(&mut self, item: &[&str]) {
        let kind = keyword(item);
        let begins = item.iter().position(|token| *token == kind).unwrap_or_default();
        let name = item.get(begins + 1).copied().unwrap_or_default();
        match kind {
            "use" => return self.add_use(&item[begins + 1..], item[0] == "pub"),
            "mod" => {
                if item.get(begins + 2) == Some(&"{") {
                    let inside = &item[begins + 3..item.len() - 1];
                    self.inner.push((name.to_owned(), Self::read(inside)));
                }
                return;
            }
            "impl" => self.impls.push(Impl::read(&item[begins + 1..])),
            "macro_rules" => drop(self.items.insert(item[begins + 2].to_owned())),
            "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => {
                self.items.insert(name.to_owned());
            }
            _ => {}
        }
        self.add_code(&item[begins..]);
    }

    fn add_use(&mut self, tree: &[&str], is_exported: bool) {
        let tree = tree.strip_suffix(&[";"]).unwrap_or(tree);
        expand(tree, &[], &mut |path, name| {
            self.uses.push(Use {
                path,
                name,
                is_exported,
            });
        });
    }

    /// Every path of some code, and the imports inside it.
    fn add_code(&mut self, code: &[&str]) {
        let mut at = 0;
        while at < code.len() {
            let before = at.checked_sub(1).map_or("", |n| code[n]);
            if code[at] == "use" && code.get(at + 1) != Some(&"<") {
                let end = item_end(code, at);
                self.add_use(&code[at + 1..end], false);
                at = end;
            } else if is_name(code[at]) && !["fn", ".", "::", "$"].contains(&before) {
                at = self.add_path(code, at);
            } else {
                at += 1;
            }
        }
    }

    /// Adds the path that begins at `at`, and returns where it ends.
    fn add_path(&mut self, code: &[&str], mut at: usize) -> usize {
        let mut path = vec![code[at].to_owned()];
        at += 1;
        while code.get(at) == Some(&"::") && code.get(at + 1).is_some_and(|next| is_name(next)) {
            path.push(code[at + 1].to_owned());
            at += 2;
        }
        let next = code.get(at).copied().unwrap_or_default();
        // A name with a colon after it is a field's or a parameter's.
        if path.len() > 1 || next != ":" {
            let is_called = ["(", "!"].contains(&next);
            self.paths.insert(Named { path, is_called });
        }
        at
    }
}

impl Impl {
    /// Reads a block from behind the word `impl`.
    fn read(tokens: &[&str]) -> Self {
        let body = tokens.iter().position(|token| *token == "{").unwrap_or(tokens.len());
        let (header, body) = tokens.split_at(body);
        let calls = body.windows(4).filter_map(|window| match window {
            ["self", ".", name, "(" | "::"] | ["Self", "::", name, _] => Some((*name).to_owned()),
            _ => None,
        });
        let mut functions = BTreeSet::new();
        let mut depth = 0;
        for (n, token) in body.iter().enumerate() {
            match *token {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                "fn" | "const" if depth == 1 => functions.extend(body.get(n + 1).map(|name| (*name).to_owned())),
                _ => {}
            }
        }
        Self {
            of: type_of(header),
            functions,
            calls: calls.collect(),
        }
    }
}

/// The path of the type in the header of an `impl` block.
fn type_of(header: &[&str]) -> Vec<String> {
    let mut depth = 0;
    let mut begins = 0;
    for (n, token) in header.iter().enumerate() {
        match *token {
            "<" => depth += 1,
            ">" if n == 0 || header[n - 1] != "-" => {
                depth -= 1;
                // Behind the parameters of the block itself.
                if depth == 0 && header[0] == "<" && begins == 0 {
                    begins = n + 1;
                }
            }
            "for" if depth == 0 => begins = n + 1,
            "where" if depth == 0 => break,
            _ => {}
        }
    }
    let named = header[begins..]
        .iter()
        .skip_while(|token| !is_name(token) || ["mut", "dyn"].contains(token));
    let path = named.take_while(|token| is_name(token) || **token == "::");
    path.filter(|token| **token != "::")
        .map(|token| (*token).to_owned())
        .collect()
}

/// Every path of a `use` tree, with the name that it gets.
fn expand(tree: &[&str], before: &[String], found: &mut dyn FnMut(Vec<String>, Option<String>)) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tree.len() {
        match tree[at] {
            "::" => {}
            "*" => return found(path, None),
            "{" => {
                for branch in branches(&tree[at + 1..group_end(tree, at) - 1]) {
                    expand(branch, &path, found);
                }
                return;
            }
            "as" => return found(path, tree.get(at + 1).map(|name| (*name).to_owned())),
            // `use a::{self}` names `a`.
            "self" if at == 0 && !before.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    let name = path.last().cloned();
    found(path, name);
}

/// The parts of a list, which may hold lists.
fn branches<'a, 'b>(list: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let mut depth = 0;
    let parts = list.split(|token| {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        *token == "," && depth == 0
    });
    parts.filter(|part| !part.is_empty()).collect()
}

fn is_name(token: &str) -> bool {
    let is_text = token.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_text && !token.starts_with(|c: char| c.is_ascii_digit())
}

#[test]
fn imports_are_spelt_out() {
    let tokens = super::tokens::tokens("pub(crate) use crate::{a::{self, B as C}, d::*, e}; fn f() { use super::G; }");
    let module = Module::read(&tokens);
    let uses: Vec<String> = module
        .uses
        .iter()
        .map(|u| format!("{} as {:?} {}", u.path.join("::"), u.name, u.is_exported))
        .collect();
    assert_eq!(
        uses,
        [
            r#"crate::a as Some("a") true"#,
            r#"crate::a::B as Some("C") true"#,
            "crate::d as None true",
            r#"crate::e as Some("e") true"#,
            r#"super::G as Some("G") false"#,
        ]
    );
}

#[test]
fn an_impl_block_names_its_type_its_functions_and_its_calls() {
    for (header, of) in [
        ("impl Cast", "Cast"),
        (
            "impl<'a, T: Fn() -> u8> From<x::Y<T>> for super::Cast<'a, T> where T: Copy",
            "super::Cast",
        ),
        ("impl Drop for &mut Cast", "Cast"),
    ] {
        let text = format!(
            "{header} {{ const A: u8 = 1; pub fn b(&self) {{ self.c(1); self.d; Self::e(); let f = |g: fn(h)| g; }} }}"
        );
        let module = Module::read(&super::tokens::tokens(&text));
        let [block] = &module.impls[..] else {
            panic!("one block: {module:?}")
        };
        assert_eq!(block.of.join("::"), of);
        assert_eq!(block.functions.iter().collect::<Vec<_>>(), ["A", "b"]);
        assert_eq!(block.calls.iter().collect::<Vec<_>>(), ["c", "e"]);
    }
}
