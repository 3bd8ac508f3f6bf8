//! Which file of `src` needs which other: every path that a file names, followed to the file that defines what
//! it ends at. A re-export is followed to where it leads, so a face such as `audit` hides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

use super::Source;

/// The segments of a path, or of a module from the crate on.
type Segments = Vec<String>;

/// A name that a file takes from elsewhere.
struct Import {
    /// What it is called here; `*` for all names of a module.
    name: String,
    path: Segments,
    is_public: bool,
}

struct File {
    path: PathBuf,
    imports: Vec<Import>,
    /// Paths outside of imports.
    named: Vec<Segments>,
}

pub(super) struct Graph {
    files: BTreeMap<Segments, File>,
}

impl Graph {
    pub(super) fn new(sources: &[Source]) -> Self {
        let files = sources.iter().filter_map(|source| {
            let module = module_of(&source.path)?;
            Some((module, File::new(&source.path, &source.code)))
        });
        Self {
            files: files.collect(),
        }
    }

    /// Each file with those it needs. That a module's own file re-exports or begins what stands below it is how
    /// modules are written, and no need.
    pub(super) fn needs(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let needs = self.files.iter().map(|(module, file)| {
            let needed = self.needed_by(module, file).into_iter();
            let needed = needed.filter(|needed| !needed.starts_with(module));
            let paths = needed.map(|needed| self.files[&needed].path.as_path());
            (file.path.as_path(), paths.collect())
        });
        needs.collect()
    }

    fn needed_by(&self, module: &Segments, file: &File) -> BTreeSet<Segments> {
        let mut needed = BTreeSet::new();
        for path in &file.named {
            needed.extend(self.definition(module, path, 0));
        }
        for import in &file.imports {
            // What a module is imported for are the paths that begin with its name.
            let is_of_module = self.module(module, &import.path).is_some();
            if !is_of_module || import.name == "*" {
                needed.extend(self.definition(module, &import.path, 0));
            }
        }
        needed
    }

    /// The module whose file defines what `path` leads to from `module`; none if that is outside of the crate.
    fn definition(&self, module: &[String], path: &[String], depth: usize) -> Option<Segments> {
        if depth > 8 {
            return None;
        }
        let (mut at, mut rest) = self.start(module, path, depth)?;
        while let Some((name, after)) = rest.split_first() {
            let mut child = at.clone();
            child.push(name.clone());
            if self.files.contains_key(&child) {
                (at, rest) = (child, after.to_vec());
                continue;
            }
            let exported = self.files[&at].imports.iter();
            let mut exported = exported.filter(|import| import.is_public || at == module);
            if let Some(import) = exported.find(|import| import.name == *name) {
                let mut onward = import.path.clone();
                onward.extend_from_slice(after);
                return self.definition(&at, &onward, depth + 1);
            }
            break;
        }
        Some(at)
    }

    /// The module that `path` leads to, if it ends at one.
    fn module(&self, module: &[String], path: &[String]) -> Option<Segments> {
        let (mut at, rest) = self.start(module, path, 0)?;
        for name in rest {
            at.push(name);
        }
        self.files.contains_key(&at).then_some(at).or_else(|| {
            // A module that is re-exported.
            let (last, parents) = path.split_last()?;
            let parent = self.definition(module, parents, 0)?;
            let import = self.files[&parent].imports.iter();
            let mut import = import.filter(|import| import.is_public && import.name == *last);
            let import = import.next()?;
            self.module(&parent, &import.path)
        })
    }

    /// Where `path` begins, and what is left of it.
    fn start(
        &self,
        module: &[String],
        path: &[String],
        depth: usize,
    ) -> Option<(Segments, Segments)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest.to_vec())),
            "self" => Some((module.to_vec(), rest.to_vec())),
            "super" => {
                let (_, parent) = module.split_last()?;
                let mut path = vec!["self".to_owned()];
                path.extend_from_slice(rest);
                if rest.first().is_some_and(|next| next == "super") {
                    path.remove(0);
                }
                self.start(parent, &path, depth)
            }
            name => {
                let mut child = module.to_vec();
                child.push(name.to_owned());
                if self.files.contains_key(&child) {
                    return Some((child, rest.to_vec()));
                }
                let imports = &self.files.get(module)?.imports;
                let import = imports.iter().find(|import| import.name == name)?;
                if depth > 8 || import.path.first().is_some_and(|first| first == name) {
                    return None;
                }
                let mut onward = import.path.clone();
                onward.extend_from_slice(rest);
                self.start(module, &onward, depth + 1)
            }
        }
    }
}

impl File {
    fn new(path: &Path, code: &str) -> Self {
        let import = Regex::new(r"(?s)\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);")
            .expect("it is a regular expression");
        let imports = import.captures_iter(code).flat_map(|found| {
            let is_public = found.get(1).is_some();
            let paths = expand(&found[2]).into_iter();
            paths.map(move |(name, path)| Import {
                name,
                path,
                is_public,
            })
        });
        let rest = import.replace_all(code, "");
        let path_in_code =
            Regex::new(r"\b[a-z_][a-z0-9_]*(?:::\w+)+").expect("it is a regular expression");
        let named = path_in_code.find_iter(&rest).filter(|found| {
            // The path of a type, or the middle of a longer path.
            !rest[..found.start()].ends_with("::")
        });
        let named = named.map(|found| found.as_str().split("::").map(str::to_owned).collect());
        Self {
            path: path.to_owned(),
            named: named.collect(),
            imports: imports.collect(),
        }
    }
}

/// Every path of a `use` tree, with the name that it gives.
fn expand(tree: &str) -> Vec<(String, Segments)> {
    let tree = tree.trim();
    if let Some((before, list)) = tree.split_once('{') {
        let prefix: Segments = segments(before.trim().trim_end_matches("::"));
        let list = list.strip_suffix('}').expect("a list ends");
        let items = items(list).into_iter().flat_map(expand);
        let below = items.map(|(name, path)| {
            let mut whole = prefix.clone();
            if path == ["self"] {
                let module = prefix.last().cloned().unwrap_or_default();
                return (if name == "self" { module } else { name }, whole);
            }
            whole.extend(path);
            (name, whole)
        });
        return below.collect();
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let mut path = segments(path);
    let name = path.last().cloned().unwrap_or_default();
    if name == "*" {
        path.pop();
    }
    vec![(alias.unwrap_or(name), path)]
}

fn segments(path: &str) -> Segments {
    let segments = path.split("::").map(str::trim);
    let segments = segments.filter(|segment| !segment.is_empty());
    segments.map(str::to_owned).collect()
}

/// The items of a list, at its commas.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0_u32, 0, Vec::new());
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`, and `lib.rs` is the crate. A binary is none.
fn module_of(path: &Path) -> Option<Segments> {
    let mut module = segments(&path.with_extension("").to_string_lossy().replace('/', "::"));
    match module.last().map(String::as_str) {
        Some("mod") => drop(module.pop()),
        Some("lib") if module.len() == 1 => module.clear(),
        _ => {}
    }
    let is_binary = module
        .first()
        .is_some_and(|first| first == "bin" || first == "main");
    (!is_binary).then_some(module)
}

/// Files that need one another, each circle once.
pub(super) fn circles<'a>(
    needs: &BTreeMap<&'a Path, BTreeSet<&'a Path>>,
) -> Vec<BTreeSet<&'a Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = needs
        .keys()
        .map(|file| (*file, reached(needs, file)))
        .collect();
    let circles: BTreeSet<BTreeSet<&Path>> = needs
        .keys()
        .filter(|file| reached[*file].contains(*file))
        .map(|file| {
            let back = reached[file]
                .iter()
                .filter(|other| reached[*other].contains(file));
            back.copied().collect()
        })
        .collect();
    circles.into_iter().collect()
}

fn reached<'a>(needs: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Path> = needs[from].iter().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(needs.get(file).into_iter().flatten());
        }
    }
    reached
}

fn graph_of(files: &[(&str, &str)]) -> Graph {
    let sources = files.iter().map(|(path, code)| Source {
        path: PathBuf::from(path),
        code: (*code).to_owned(),
    });
    Graph::new(&sources.collect::<Vec<_>>())
}

#[test]
fn a_path_is_followed_to_the_file_that_defines_it() {
    let needed = |code: &str| {
        let graph = graph_of(&[
            ("lib.rs", "pub mod a; mod b; mod user;"),
            (
                "a/mod.rs",
                "mod c; pub mod d; pub use c::{C, Other as Renamed}; pub struct A;",
            ),
            ("a/c.rs", "pub struct C; pub struct Other;"),
            ("a/d.rs", "pub fn d() {} use super::c::C;"),
            ("b.rs", "pub use crate::a::d;"),
            ("user.rs", code),
        ]);
        let needs = graph.needs();
        let needed = needs[Path::new("user.rs")].iter();
        needed
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(needed("use crate::a::C;"), ["a/c.rs"]);
    assert_eq!(
        needed("use crate::a::{A, Renamed};"),
        ["a/c.rs", "a/mod.rs"]
    );
    assert_eq!(needed("use crate::a; fn x() { a::d::d() }"), ["a/d.rs"]);
    assert_eq!(
        needed("use super::b::d::{self}; fn x() { d::d() }"),
        ["a/d.rs"]
    );
    assert_eq!(needed("fn x() -> crate::a::C {}"), ["a/c.rs"]);
    assert_eq!(needed("use crate::a::d::C;"), ["a/d.rs"]);
    assert_eq!(needed("use std::fmt; fn x() { fmt::y() }"), [""; 0]);
}

#[test]
fn a_circle_is_found_however_long_it_is() {
    let graph = graph_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use super::c::C;"),
        ("c/mod.rs", "mod d; use d::D; pub struct C;"),
        ("c/d.rs", "use super::C; use crate::a::A;"),
    ]);
    assert!(circles(&graph.needs()).is_empty());
    let graph = graph_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use super::c;  fn x() { c::y() }"),
        ("c.rs", "fn y() { crate::a::z() }"),
    ]);
    let circle = ["a.rs", "b.rs", "c.rs"].map(Path::new);
    assert_eq!(circles(&graph.needs()), [BTreeSet::from(circle)]);
}
