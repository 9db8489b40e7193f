//! Arrows from file to file: each leads from a file that uses a name to the file that defines it.
//!
//! A name that comes through a `pub use` comes from the file that defines it, and a call through `self` leads to the file of
//! the `impl` block. A re-export alone is no arrow. Not seen: methods called on a value of another type.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Module, Named, Use};
use super::tokens::{tokens, without_tests};

/// The path of a module from its crate's root.
type Path = Vec<String>;

/// A crate's modules, and the arrows between their files.
#[derive(Debug)]
pub(crate) struct Crate {
    name: String,
    modules: BTreeMap<Path, Module>,
    /// The file of each module, by the path of the module that the file is.
    files: BTreeMap<Path, Path>,
    arrows: BTreeSet<Arrow>,
    /// Functions of a type that several files may define, with these files.
    functions: BTreeMap<(Path, String), BTreeMap<String, BTreeSet<Path>>>,
}

/// An arrow: a file, a file that it uses, and one name that it uses.
pub(crate) type Arrow = (Path, Path, String);

/// The end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Module(Path),
    /// A name that a module defines.
    Item(Path, String),
}

impl Crate {
    /// Reads a crate of the given name. Files are named from the crate's `src`, as in `cluster/docker/mod.rs`.
    pub(crate) fn read<'a>(name: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files: Vec<(&str, &str)> = files.into_iter().collect();
        let root = if files.iter().any(|(file, _)| *file == "lib.rs") {
            "lib"
        } else {
            "main"
        };
        let mut modules = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for (file, text) in files {
            let tokens = tokens(text);
            let (code, test_modules) = without_tests(&tokens);
            let path = module_path(file, root);
            tests.extend(test_modules.into_iter().map(|test| child(&path, test)));
            modules.insert(path, Module::read(&code));
        }
        modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
        let mut read = Self {
            name: name.replace('-', "_"),
            files: modules.keys().map(|path| (path.clone(), path.clone())).collect(),
            modules: BTreeMap::new(),
            arrows: BTreeSet::new(),
            functions: BTreeMap::new(),
        };
        for (path, module) in modules {
            read.add(&path, &path, module);
        }
        read.find_functions();
        read.arrows = read.find_arrows();
        read
    }

    /// Adds a module, and those inside it, which are in the same file.
    fn add(&mut self, file: &Path, path: &Path, mut module: Module) {
        for (name, inner) in std::mem::take(&mut module.inner) {
            self.add(file, &child(path, &name), inner);
        }
        self.files.insert(path.clone(), file.clone());
        self.modules.insert(path.clone(), module);
    }

    fn find_functions(&mut self) {
        let mut functions: BTreeMap<_, BTreeMap<String, BTreeSet<Path>>> = BTreeMap::new();
        for (path, module) in &self.modules {
            for block in &module.impls {
                if let Some(Found::Item(definer, name)) = self.resolve(path, &block.of, &mut BTreeSet::new()) {
                    let of_type = functions.entry((definer, name)).or_default();
                    for function in &block.functions {
                        of_type
                            .entry(function.clone())
                            .or_default()
                            .insert(self.files[path].clone());
                    }
                }
            }
        }
        self.functions = functions;
    }

    /// The files, as paths of modules.
    pub(crate) fn files(&self) -> BTreeSet<&Path> {
        self.files.values().collect()
    }

    /// True if a file has child modules in other files: it then is the `mod.rs` of their folder.
    pub(crate) fn is_folder(&self, path: &[String]) -> bool {
        let files = self.files();
        files
            .iter()
            .any(|file| file.len() > path.len() && file.starts_with(path))
            || path.is_empty()
    }

    /// Every path that a file names, in code or in an import, those of other crates included.
    pub(crate) fn named(&self) -> BTreeSet<(Path, Path)> {
        let of = |(path, module): (&Path, &Module)| {
            let file = self.files[path].clone();
            let imported = module.uses.iter().map(|import| import.path.clone());
            let named = module.paths.iter().map(|named| named.path.clone());
            imported
                .chain(named)
                .map(|path| (file.clone(), path))
                .collect::<Vec<_>>()
        };
        self.modules.iter().flat_map(of).collect()
    }

    /// Every arrow.
    pub(crate) fn arrows(&self) -> &BTreeSet<Arrow> {
        &self.arrows
    }

    fn find_arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (path, module) in &self.modules {
            let from = &self.files[path];
            let mut add = |to: &Path, name: String| {
                if to != from {
                    arrows.insert((from.clone(), to.clone(), name));
                }
            };
            for import in module.uses.iter().filter(|import| is_used(module, import)) {
                if let Some(Found::Item(definer, name)) = self.resolve(path, &import.path, &mut BTreeSet::new()) {
                    add(&self.files[&definer], name);
                }
            }
            for named in module.paths.iter().filter(|named| may_name_an_item(named)) {
                self.follow(path, named, &mut add);
            }
            for block in &module.impls {
                let Some(Found::Item(definer, of)) = self.resolve(path, &block.of, &mut BTreeSet::new()) else {
                    continue;
                };
                for call in &block.calls {
                    self.follow_call(from, &(definer.clone(), of.clone()), call, &mut add);
                }
            }
        }
        arrows
    }

    /// The arrows of one path in code: to a name, and to a function of the type of that name.
    fn follow(&self, module: &Path, named: &Named, add: &mut dyn FnMut(&Path, String)) {
        let Some((Found::Item(definer, name), rest)) =
            self.resolve_with_rest(module, &named.path, &mut BTreeSet::new())
        else {
            return;
        };
        add(&self.files[&definer], name.clone());
        if let Some(function) = rest.first() {
            self.follow_call(&self.files[module], &(definer, name), function, add);
        }
    }

    /// The arrows of a call of a type's function: none where the calling file has it itself.
    fn follow_call(&self, from: &Path, of: &(Path, String), function: &str, add: &mut dyn FnMut(&Path, String)) {
        let files = self.functions.get(of).and_then(|functions| functions.get(function));
        for file in files
            .into_iter()
            .flatten()
            .filter(|_| !files.is_some_and(|files| files.contains(from)))
        {
            add(file, format!("{}::{function}", of.1));
        }
    }

    /// The end of a path that is written in a module; none outside the crate.
    fn resolve(&self, from: &Path, path: &[String], seen: &mut BTreeSet<(Path, String)>) -> Option<Found> {
        self.resolve_with_rest(from, path, seen).map(|(found, _)| found)
    }

    /// As [`Crate::resolve`], with the part of the path behind the item.
    fn resolve_with_rest<'p>(
        &self,
        from: &Path,
        path: &'p [String],
        seen: &mut BTreeSet<(Path, String)>,
    ) -> Option<(Found, &'p [String])> {
        let mut module = from.clone();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => module.clear(),
                name if name == self.name && rest.len() == path.len() && !self.has(from, name) => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                _ => break,
            }
            rest = after;
        }
        let is_rooted = rest.len() < path.len();
        while let Some((first, after)) = rest.split_first() {
            match self.look_up(&module, first, after.is_empty(), seen) {
                Some(Found::Module(next)) => (module, rest) = (next, after),
                Some(item) => return Some((item, after)),
                // Made by a macro of that module, most likely.
                None if is_rooted => return Some((Found::Item(module, first.clone()), after)),
                None => return None,
            }
        }
        Some((Found::Module(module), rest))
    }

    fn has(&self, module: &Path, name: &str) -> bool {
        self.modules.contains_key(&child(module, name))
    }

    /// The meaning of a name in a module.
    fn look_up(&self, path: &Path, name: &str, is_last: bool, seen: &mut BTreeSet<(Path, String)>) -> Option<Found> {
        let inner = child(path, name);
        let is_module = self.modules.contains_key(&inner);
        if is_module && !is_last {
            return Some(Found::Module(inner));
        }
        let module = self.modules.get(path)?;
        if module.items.contains(name) {
            return Some(Found::Item(path.clone(), name.to_owned()));
        }
        // Each name is looked up once on the way to an answer: modules may import all of one another.
        if seen.insert((path.clone(), name.to_owned())) {
            let mut imports = module.uses.iter().filter(|import| import.name.as_deref() == Some(name));
            let imported = imports.find_map(|import| self.resolve(path, &import.path, seen));
            let found = imported.or_else(|| self.look_up_in_globs(path, module, name, seen));
            if found.is_some() {
                return found;
            }
        }
        is_module.then_some(Found::Module(inner))
    }

    fn look_up_in_globs(
        &self,
        path: &Path,
        module: &Module,
        name: &str,
        seen: &mut BTreeSet<(Path, String)>,
    ) -> Option<Found> {
        let mut globs = module.uses.iter().filter(|import| import.name.is_none());
        globs.find_map(|glob| match self.resolve(path, &glob.path, seen)? {
            Found::Module(all) if all != *path => self.look_up(&all, name, true, seen),
            _ => None,
        })
    }
}

/// True if an import is more than a re-export: a module that only hands a name on does not use it.
fn is_used(module: &Module, import: &Use) -> bool {
    let Some(name) = &import.name else {
        return !import.is_exported;
    };
    let is_it = |named: &Named| named.path[0] == *name && may_name_an_item(named);
    !import.is_exported || module.paths.iter().any(is_it)
}

/// A lone name in small letters is a variable's, unless it is called.
fn may_name_an_item(named: &Named) -> bool {
    named.path.len() > 1 || named.is_called || named.path[0].starts_with(char::is_uppercase)
}

fn child(path: &[String], name: &str) -> Path {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_path(file: &str, root: &str) -> Path {
    let stem = file.trim_end_matches(".rs");
    let mut path: Path = stem.split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|last| last == "mod") || path == [root] {
        path.pop();
    }
    path
}
