//! The rooms of the house: which modules there are, what each is for, on which floor it stands, and which use which. It is read
//! from the source, so that no table of them grows old; tests keep that no two use each other, and that each table has one door.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The names that lead to a module from the root of its crate.
type Name = Vec<String>;

/// A module.
#[derive(Debug)]
pub struct Module {
    /// The names that lead to it from the root of its crate, which has none.
    pub name: Name,
    /// The first sentence of its documentation.
    pub job: String,
    /// How many lines it has, tests aside.
    pub lines: usize,
    /// What it uses of its crate, tests aside: paths from the root.
    paths: BTreeSet<Name>,
    /// What it passes on under another name: what stands behind that.
    passed_on: BTreeMap<String, Name>,
    /// The tables into which it inserts.
    tables: BTreeSet<String>,
}

/// A crate, by the folder of its source.
#[derive(Debug)]
pub struct House {
    /// The folder, from the root of the repository.
    pub folder: PathBuf,
    /// Its modules, but those of tests alone.
    pub modules: Vec<Module>,
}

/// Every crate of the repository but the tests' and the bench's.
pub fn houses(repository: &Path) -> io::Result<Vec<House>> {
    let mut folders = vec![PathBuf::from("host/src"), PathBuf::from("tools/src")];
    for component in fs::read_dir(repository.join("components"))? {
        folders.push(Path::new("components").join(component?.file_name()).join("src"));
    }
    folders.sort();
    folders.into_iter().map(|folder| House::read(repository, folder)).collect()
}

impl House {
    fn read(repository: &Path, folder: PathBuf) -> io::Result<Self> {
        let mut modules = Vec::new();
        read_folder(&repository.join(&folder), &[], &mut modules)?;
        let only_tests: BTreeSet<Name> = modules.iter().flat_map(|(_, of_tests)| of_tests.iter().cloned()).collect();
        let is_kept = |module: &Module| !only_tests.iter().any(|of_tests| module.name.starts_with(of_tests));
        let mut modules: Vec<_> = modules.into_iter().map(|(module, _)| module).filter(is_kept).collect();
        modules.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { folder, modules })
    }

    fn find(&self, name: &[String]) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }

    /// The module that a path leads to, also by what others pass on.
    fn behind(&self, path: &[String]) -> Name {
        let (mut known, mut path) = (0, path.to_vec());
        // Nothing is passed on more often than there are modules.
        for _ in 0..self.modules.len() {
            known = (0..=path.len()).rev().find(|length| self.find(&path[..*length]).is_some()).unwrap_or_default();
            let passed_on = path.get(known).and_then(|next| self.find(&path[..known])?.passed_on.get(next));
            let Some(behind) = passed_on.filter(|behind| behind.len() > known) else { break };
            path = behind.iter().chain(&path[known + 1..]).cloned().collect();
        }
        path.truncate(known);
        path
    }

    /// Which modules of a folder use which, with all that is in them: by the names that the folder knows them by.
    fn uses(&self) -> BTreeMap<Name, BTreeMap<&str, BTreeSet<String>>> {
        let mut uses: BTreeMap<Name, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for module in &self.modules {
            for used in module.paths.iter().map(|path| self.behind(path)) {
                let common = module.name.iter().zip(&used).take_while(|(one, other)| one == other).count();
                // A module and what lies in it are one: either may use the other.
                let (Some(from), Some(to)) = (module.name.get(common), used.get(common)) else { continue };
                uses.entry(used[..common].to_vec()).or_default().entry(from).or_default().insert(to.clone());
            }
        }
        uses
    }

    /// The circles: modules of one folder that use each other, by others or at once.
    pub fn circles(&self) -> Vec<String> {
        let mut circles = Vec::new();
        for (folder, uses) in self.uses() {
            let in_circles: Vec<_> = uses.keys().filter(|one| reachable(&uses, one).contains(**one)).copied().collect();
            if !in_circles.is_empty() {
                let folder = folder.iter().fold(self.folder.clone(), |path, name| path.join(name));
                circles.push(format!("{}: {}", folder.display(), in_circles.join(", ")));
            }
        }
        circles
    }

    /// Which rooms, the modules at the root, use which.
    fn rooms(&self) -> BTreeMap<&str, BTreeSet<String>> {
        self.uses().remove(&Name::new()).unwrap_or_default()
    }

    /// How many floors lie below a room: those on the lowest use no other.
    fn floor(&self, module: &Module) -> usize {
        fn of(room: &str, uses: &BTreeMap<&str, BTreeSet<String>>, seen: usize) -> usize {
            let below = uses.get(room).into_iter().flatten().filter(|_| seen < uses.len());
            below.map(|used| 1 + of(used, uses, seen + 1)).max().unwrap_or_default()
        }
        module.name.first().map_or_else(|| self.rooms().len(), |room| of(room, &self.rooms(), 0))
    }

    /// The modules as a table.
    pub fn table(&self) -> String {
        let mut table =
            format!("## {}\n\n| module | its job | floor | lines |\n|---|---|---|---|\n", self.folder.display());
        for module in &self.modules {
            let name = if module.name.is_empty() { "(root)".to_owned() } else { module.name.join("::") };
            _ = writeln!(table, "| `{name}` | {} | {} | {} |", module.job, self.floor(module), module.lines);
        }
        table
    }
}

/// Whatever is used by what `one` uses.
fn reachable<'a>(uses: &'a BTreeMap<&str, BTreeSet<String>>, one: &str) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![one.to_owned()]);
    while let Some(one) = next.pop() {
        for used in uses.get(one.as_str()).into_iter().flatten() {
            if found.insert(used.as_str()) {
                next.push(used.clone());
            }
        }
    }
    found
}

/// Reads the modules of a folder, each with those that it has for its tests.
fn read_folder(folder: &Path, inside: &[String], modules: &mut Vec<(Module, Vec<Name>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let below: Name = inside.iter().cloned().chain([stem.to_owned()]).collect();
        if path.is_dir() {
            read_folder(&path, &below, modules)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = if matches!(stem, "lib" | "mod") { inside.to_vec() } else { below };
            modules.push(read_module(name, &fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn read_module(name: Name, source: &str) -> (Module, Vec<Name>) {
    let documentation: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let documentation = documentation.join(" ");
    let job = documentation.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
    let lines = source.lines().position(|line| line == "mod tests {").map_or(source.lines().count(), |line| line - 1);
    let module =
        Module { name, job, lines, paths: BTreeSet::new(), passed_on: BTreeMap::new(), tables: BTreeSet::new() };
    let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{:?}: {error}", module.name));
    let mut reading = Reading { module, only_tests: Vec::new() };
    reading.walk(tokens, 0);
    (reading.module, reading.only_tests)
}

/// A module that is being read.
struct Reading {
    module: Module,
    only_tests: Vec<Name>,
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn ident(tree: Option<&TokenTree>) -> Option<String> {
    if let Some(TokenTree::Ident(ident)) = tree { Some(ident.to_string()) } else { None }
}

impl Reading {
    /// Reads what is written, `depth` modules deep in the file.
    fn walk(&mut self, tokens: TokenStream, depth: usize) {
        let trees: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            at += 1;
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(TokenTree::Group(attribute)) = trees.get(at) {
                        at += 1;
                        match attribute.stream().to_string().as_str() {
                            "cfg (test)" | "cfg(test)" => at = self.pass_item(&trees, at),
                            text if text.starts_with("doc ") => {}
                            _ => self.walk(attribute.stream(), depth),
                        }
                    }
                }
                TokenTree::Ident(name) if *name == "use" && !is_punct(trees.get(at), '<') => {
                    let end = (at..trees.len()).find(|end| is_punct(trees.get(*end), ';')).unwrap_or(trees.len());
                    self.read_use(&trees[at..end], &[], depth);
                    at = end;
                }
                TokenTree::Ident(name) if *name == "mod" => {
                    if let Some(TokenTree::Group(inner)) = trees.get(at + 1) {
                        self.walk(inner.stream(), depth + 1);
                        at += 2;
                    }
                }
                TokenTree::Ident(_) => {
                    let mut path: Name = ident(Some(tree)).into_iter().collect();
                    while is_punct(trees.get(at), ':') && is_punct(trees.get(at + 1), ':') {
                        let Some(next) = ident(trees.get(at + 2)) else { break };
                        path.push(next);
                        at += 3;
                    }
                    self.keep(&path, depth);
                    if let Some(TokenTree::Group(of)) = trees.get(at).filter(|_| path == ["step"]) {
                        self.read_step(of.stream());
                    }
                }
                TokenTree::Group(group) => self.walk(group.stream(), depth),
                TokenTree::Literal(literal) => self.read_statement(&literal.to_string()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Passes an item that is for tests, with its other attributes. Returns where the next one begins.
    fn pass_item(&mut self, trees: &[TokenTree], mut at: usize) -> usize {
        while is_punct(trees.get(at), '#') {
            at += 2;
        }
        let ends_with_semicolon = |word: &str| matches!(word, "use" | "const" | "static" | "type");
        let mut is_short = false;
        while let Some(tree) = trees.get(at) {
            at += 1;
            match tree {
                TokenTree::Ident(word) if ends_with_semicolon(&word.to_string()) => is_short = true,
                TokenTree::Ident(word) if *word == "mod" && is_punct(trees.get(at + 1), ';') => {
                    let name = self.module.name.iter().cloned().chain(ident(trees.get(at)));
                    self.only_tests.push(name.collect());
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !is_short => return at,
                TokenTree::Punct(punct) if punct.as_char() == ';' => return at,
                _ => {}
            }
        }
        at
    }

    /// Reads what stands between `use` and its semicolon, or a part of that.
    fn read_use(&mut self, trees: &[TokenTree], before: &[String], depth: usize) {
        let mut path = before.to_vec();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Ident(word) if *word == "as" => break,
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    for part in inner.split(|tree| is_punct(Some(tree), ',')).filter(|part| !part.is_empty()) {
                        self.read_use(part, &path, depth);
                    }
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let called = ident(trees.get(at + 1)).filter(|_| at < trees.len()).or_else(|| path.last().cloned());
        if let (Some(called), Some(resolved)) = (called, self.resolve(&path, depth)) {
            self.module.passed_on.insert(called, resolved);
        }
        self.keep(&path, depth);
    }

    /// The path from the root of the crate, if it is one of the crate's, or of what lies in the module.
    fn resolve(&self, path: &[String], depth: usize) -> Option<Name> {
        let (mut from, mut rest, mut depth) = (self.module.name.clone(), path, depth);
        match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    rest = &rest[1..];
                    if depth > 0 {
                        depth -= 1;
                    } else {
                        from.pop();
                    }
                }
            }
            _ => {}
        }
        from.extend(rest.iter().cloned());
        Some(from)
    }

    fn keep(&mut self, path: &[String], depth: usize) {
        let leads_out = matches!(path.first().map(String::as_str), Some("crate" | "super"));
        if leads_out && path.len() > 1 {
            self.module.paths.extend(self.resolve(path, depth));
        }
    }

    /// A step of a draft stands for the tables that its trigger inserts into.
    fn read_step(&mut self, of: TokenStream) {
        if let Some(TokenTree::Literal(name)) = of.into_iter().next() {
            self.module.tables.insert(name.to_string().trim_matches('"').to_owned());
        }
    }

    fn read_statement(&mut self, text: &str) {
        for verb in ["INSERT INTO ", "INSERT OR IGNORE INTO ", "INSERT OR REPLACE INTO ", "REPLACE INTO "] {
            for rest in text.split(verb).skip(1) {
                let table: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                self.module.tables.extend(Some(table).filter(|table| !table.is_empty()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<House> {
        houses(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the source")
    }

    fn core() -> House {
        all().into_iter().find(|house| house.folder.ends_with("core/src")).expect("core")
    }

    #[test]
    fn no_modules_use_each_other_in_a_circle() {
        let circles: Vec<_> = all().iter().flat_map(House::circles).collect();
        // The macro of the bindings names what implements them, and that names the bindings.
        assert_eq!(circles, ["host/src/spin: bindings, database, group, loan, session, store, values"]);
    }

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        let house = |files: &[(&str, &str)]| {
            let read = |(name, source): &(&str, &str)| {
                let name = name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
                read_module(name, source).0
            };
            House { folder: PathBuf::from("src"), modules: files.iter().map(read).collect() }
        };
        let circles = |b: &str| {
            let root = ("", "mod a; mod b; pub use a::inner::Thing;");
            house(&[root, ("a", "mod inner;"), ("a::inner", "fn f() { crate::b::g() }"), ("b", b)]).circles()
        };
        let found = ["src: a, b"];
        assert_eq!(circles("use crate::{a::{self, inner}, Other};"), found);
        assert_eq!(circles("fn g() { html! { (super::a::f()) } }"), found);
        assert_eq!(circles("#[doc_of(body = crate::a::X)] struct Y;"), found);
        assert_eq!(circles("mod m { use super::super::a; }"), found);
        assert_eq!(circles("use crate::Thing as Other;"), found, "what the root passes on");
        for none in [
            "fn g() {} // crate::a",
            "/// See [`crate::a`].\nfn g() {}",
            "#[cfg(test)] mod tests { use crate::a; }",
            "#[cfg(test)] #[derive(X)] #[y(crate::a)] struct Z;",
            "use other::a;",
        ] {
            assert_eq!(circles(none), Vec::<String>::new(), "{none}");
        }
    }

    #[test]
    fn the_rooms_of_core_are_floors_as_the_architecture_shows_them() {
        let text = include_str!("../../ARCHITECTURE.md");
        let (_, text) = text.split_once("### Inside core").expect("the heading");
        let rows = text.lines().skip_while(|line| !line.starts_with("| ")).take_while(|line| line.starts_with('|'));
        let rooms = |row: &str| {
            let cell = row.split('|').nth(1).unwrap_or_default();
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let floors: Vec<_> = rows.map(rooms).filter(|rooms| !rooms.is_empty()).collect();
        let floor = |room: &str| floors.iter().position(|rooms| rooms.iter().any(|one| one == room));
        let core = core();
        for (room, uses) in core.rooms() {
            let own = floor(room).unwrap_or_else(|| panic!("{room} is on no floor"));
            for used in uses {
                assert!(floor(&used).is_some_and(|below| below <= own), "{room} uses {used}");
            }
        }
    }

    /// The files below a folder, but for what is built or comes from elsewhere.
    fn files(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() {
                into.push(path);
            } else if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                files(&path, into);
            }
        }
    }

    #[test]
    fn the_files_that_the_pages_name_are_there() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut there = Vec::new();
        files(&repository, &mut there);
        let mut count = 0;
        for page in ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/design.md", "docs/operate.md", "docs/authority.md"] {
            let text = fs::read_to_string(repository.join(page)).expect(page);
            for name in text.split('`').skip(1).step_by(2) {
                let is_source =
                    Path::new(name).extension().is_some_and(|end| ["rs", "sql", "py"].iter().any(|one| end == *one));
                if !is_source || name.contains([' ', '<', '*']) {
                    continue;
                }
                let (before, rest) = name.split_once('{').unwrap_or((name, ""));
                let (among, after) = rest.split_once('}').unwrap_or_default();
                for one in among.split(',') {
                    let file = format!("{before}{one}{after}");
                    assert!(there.iter().any(|path| path.ends_with(&file)), "{page} names {file}");
                    count += 1;
                }
            }
        }
        assert!(count > 80, "{count}");
    }

    #[test]
    fn each_table_has_one_module_that_inserts() {
        let core = core();
        // What was there already comes back as it was, whatever table it is of.
        let brings_back =
            ["accounts::joins::together", "accounts::joins::apart", "accounts::members::joined", "entry::undo"];
        let mut doors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for module in &core.modules {
            let name = module.name.join("::");
            // A migration writes into what it changes.
            if brings_back.contains(&name.as_str()) || name.ends_with("::migration") {
                continue;
            }
            for table in &module.tables {
                doors.entry(table).or_default().push(name.clone());
            }
        }
        assert!(doors.len() > 20, "{doors:?}");
        for step in [
            "accounts",
            "whole_accounts",
            "bound_accounts",
            "people",
            "named",
            "bound_people",
            "records",
            "founders",
            "granted",
        ] {
            assert!(doors.contains_key(step), "{step}");
        }
        doors.retain(|_, modules| modules.len() > 1);
        assert!(doors.is_empty(), "{doors:?}");
    }

    #[test]
    fn a_module_says_its_job_and_has_at_most_500_lines() {
        for house in all() {
            for Module { name, job, lines, .. } in &house.modules {
                let name = format!("{} {}", house.folder.display(), name.join("::"));
                assert!(!job.is_empty(), "{name} does not say what it is for");
                // The steps of the collection are data.
                assert!(*lines <= 500 || name == "tools/src postman", "{name} has {lines} lines");
            }
        }
    }
}
