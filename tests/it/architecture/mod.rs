//! Who may import whom, and how large things may be: the rules that keep the layers apart.

mod graph;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use regex::{Captures, Regex};

use graph::Graph;

/// The longest that a file may be without its tests, in lines.
const LONGEST_FILE: usize = 250;

/// A library, and the only modules that may know it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("actix_web", &["http", "server", "simulator"]),
    ("actix_cors", &["http"]),
    ("ipnet", &["config", "http/settings"]),
    ("sqlx", &["audit", "db", "limit/lease"]),
    ("reqwest", &["tencent", "auth/jwks"]),
    ("jsonwebtoken", &["auth"]),
    ("prometheus_client", &["metrics"]),
    ("governor", &["limit"]),
    ("utoipa", &["http"]),
    ("clap", &["cli", "bin"]),
    ("tracing_subscriber", &["telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("tracing_opentelemetry", &["telemetry"]),
    ("utoipa_swagger_ui", &["http/docs"]),
];

/// Paths that name what only some modules may do.
const DEEDS: &[(&str, &[&str])] = &[
    // Reading the environment; `env!` is of the compiler.
    ("std::env", &["config", "dev", "bin"]),
    ("env::var", &["config", "dev", "bin"]),
];

/// A module, and the only others of ours that it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("members", &[]),
    ("kinds", &["domain"]),
    ("simulator", &[]),
    ("dev", &[]),
    ("auth", &["domain", "members", "telemetry"]),
    ("audit", &["db", "domain", "members"]),
    ("db", &["domain"]),
    ("limit", &["db", "domain", "telemetry"]),
    ("telemetry", &[]),
    ("metrics", &["domain"]),
    // Of the record only the token that lets it send, of the limit only the permit.
    ("tencent", &["domain", "audit", "limit"]),
    (
        "moderation",
        &[
            "audit",
            "domain",
            "limit",
            "metrics",
            "service",
            "telemetry",
            "tencent",
        ],
    ),
    (
        "batches",
        &[
            "audit",
            "domain",
            "limit",
            "members",
            "moderation",
            "service",
            "telemetry",
            "tencent",
        ],
    ),
    (
        "service",
        &["audit", "limit", "metrics", "telemetry", "tencent"],
    ),
    (
        "upkeep",
        &["audit", "domain", "metrics", "service", "telemetry"],
    ),
    ("stream", &["audit", "metrics", "telemetry"]),
    (
        "http",
        &[
            "audit",
            "auth",
            "batches",
            "domain",
            "limit",
            "members",
            "moderation",
            "service",
            "stream",
            "telemetry",
        ],
    ),
];

/// A room of a module, and the only other rooms of that module that it may need.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "audit/batches",
        &["audit/brakes", "audit/proof", "audit/read"],
    ),
    ("audit/brakes", &["audit/proof"]),
    ("audit/write", &["audit/brakes", "audit/proof"]),
    ("audit/read", &[]),
    ("audit/proof", &[]),
    ("moderation/admit", &[]),
    ("moderation/run", &["moderation/admit"]),
    ("http/openapi", &[]),
    ("http/actions", &["http/openapi"]),
    ("http/export", &["http/openapi"]),
    ("http/stream", &["http/openapi"]),
    ("http/me", &["http/openapi"]),
    (
        "http/document",
        &[
            "http/actions",
            "http/export",
            "http/stream",
            "http/me",
            "http/openapi",
        ],
    ),
];

/// A source file as far as it is not a test.
struct Source {
    /// From `src` on.
    path: PathBuf,
    /// The code alone: comments and literals are blank. Each line is where it was.
    code: String,
}

impl Source {
    /// The top-level module it belongs to.
    fn module(&self) -> String {
        let first = self.path.components().next().expect("a file has a name");
        let first = first.as_os_str().to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    }

    /// Whether it belongs to a module, or to a part of one such as `limit/lease`.
    fn is_in(&self, module: &str) -> bool {
        is_in(&self.path, module)
    }

    /// Where `word` stands as a whole path, by line.
    fn lines_with(&self, word: &str) -> Vec<usize> {
        let lines = self
            .code
            .lines()
            .enumerate()
            .filter(|(_, line)| has_path(line, word));
        lines.map(|(index, _)| index + 1).collect()
    }

    fn at(&self, line: usize) -> String {
        format!("src/{}:{line}", self.path.display())
    }
}

fn is_in(path: &Path, module: &str) -> bool {
    path.starts_with(module) || path == Path::new(module).with_extension("rs")
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut directories, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            let stem = path.file_stem().and_then(OsStr::to_str);
            if stem == Some("tests") {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if path.extension() == Some(OsStr::new("rs")) {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let path = path
                    .strip_prefix(&root)
                    .expect("it is below src")
                    .to_owned();
                let code = without_tests(&code_of(&text));
                sources.push(Source { path, code });
            }
        }
    }
    assert!(sources.len() > 40, "src was found");
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// Up to the module of the unit tests, which is the last thing in a file.
fn without_tests(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0].trim() == "#[cfg(test)]" && has_path(pair[1], "mod") && pair[1].ends_with('{')
    });
    lines[..tests.unwrap_or(lines.len())].join("\n")
}

/// The code in `text`: comments and literals become blanks, line ends stay.
fn code_of(text: &str) -> String {
    let not_code = Regex::new(
        r#"(?sx)
          //[^\n]*
        | /\*.*?\*/
        | \bb?r\x23\x23".*?"\x23\x23 | \bb?r\x23".*?"\x23 | \bb?r"[^"]*"
        | "(?:\\.|[^"\\])*"
        | '(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])'
        "#,
    );
    let blanks = |found: &Captures<'_>| -> String {
        let blank = |character| if character == '\n' { '\n' } else { ' ' };
        found[0].chars().map(blank).collect()
    };
    let not_code = not_code.expect("it is a regular expression");
    not_code.replace_all(text, blanks).into_owned()
}

/// Whether `path` stands in `line` as a whole, and not as a part of a longer word.
fn has_path(line: &str, path: &str) -> bool {
    let in_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(path).any(|(at, _)| {
        !line[..at].ends_with(in_word) && !line[at + path.len()..].starts_with(in_word)
    })
}

/// The modules of ours that a file names, and where.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let mut imports = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].lines().count().max(1);
        let rest = code[at + "crate::".len()..].trim_start();
        let names = match rest.strip_prefix('{') {
            Some(list) => top_level_names(list),
            None => vec![word_at_start(rest)],
        };
        imports.extend(names.into_iter().map(|name| (line, name)));
    }
    imports
}

fn word_at_start(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

/// The first names of each item of a `use` list whose `{` is already read.
fn top_level_names(list: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0_u32, 0, Vec::new());
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.push(word_at_start(list[start..at].trim_start()));
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn only_the_modules_that_need_a_library_know_it() {
    let mut violations = Vec::new();
    for source in sources() {
        for (path, allowed) in LIBRARIES.iter().chain(DEEDS) {
            if !allowed.iter().any(|part| source.is_in(part)) {
                let lines = source.lines_with(path);
                violations.extend(
                    lines
                        .into_iter()
                        .map(|line| format!("{} knows {path}", source.at(line))),
                );
            }
        }
    }
    assert_none(&violations);
}

#[test]
fn no_module_imports_one_above_it() {
    let mut violations = Vec::new();
    for source in sources() {
        let module = source.module();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for (line, imported) in imports(&source) {
            if imported != module && !allowed.contains(&imported.as_str()) {
                violations.push(format!("{} imports {imported}", source.at(line)));
            }
        }
    }
    assert_none(&violations);
}

#[test]
fn no_room_needs_one_that_it_may_not() {
    let sources = sources();
    let graph = Graph::new(&sources);
    let needs = graph.needs();
    let mut violations = Vec::new();
    for (room, allowed) in ROOMS {
        assert!(
            sources.iter().any(|source| source.is_in(room)),
            "{room} is there"
        );
        let (module, _) = room.split_once('/').expect("a room is in a module");
        let of_room = needs.iter().filter(|(file, _)| is_in(file, room));
        for (file, needed) in of_room {
            let is_other = |path: &Path| {
                let others = ROOMS.iter().map(|(other, _)| other);
                let mut others = others.filter(|other| *other != room && other.starts_with(module));
                others.any(|other| is_in(path, other) && !allowed.contains(other))
            };
            let wrong = needed.iter().filter(|path| is_other(path));
            violations
                .extend(wrong.map(|path| format!("{} needs {}", file.display(), path.display())));
        }
    }
    assert_none(&violations);
}

#[test]
fn no_files_need_one_another_in_a_circle() {
    let sources = sources();
    let graph = Graph::new(&sources);
    let circles = graph::circles(&graph.needs()).into_iter().map(|circle| {
        let files = circle.iter().map(|file| file.display().to_string());
        files.collect::<Vec<_>>().join(", ")
    });
    assert_none(&circles.collect::<Vec<_>>());
}

#[test]
fn tencent_takes_no_more_than_a_token_from_the_record_and_a_permit_from_the_limit() {
    let mut violations = Vec::new();
    for source in sources()
        .into_iter()
        .filter(|source| source.module() == "tencent")
    {
        for (index, line) in source.code.lines().enumerate() {
            for (module, taken) in [
                ("crate::audit::", "SendToken"),
                ("crate::limit::", "Permit"),
            ] {
                let Some((_, rest)) = line.split_once(module) else {
                    continue;
                };
                if word_at_start(rest) != taken {
                    violations.push(format!("{} takes {rest}", source.at(index + 1)));
                }
            }
        }
    }
    assert_none(&violations);
}

#[test]
fn no_file_is_longer_than_can_be_taken_in() {
    let long = sources().into_iter().filter_map(|source| {
        let length = source.code.trim_end().lines().count();
        (length > LONGEST_FILE).then(|| format!("{} has {length} lines", source.at(LONGEST_FILE)))
    });
    assert_none(&long.collect::<Vec<_>>());
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    let mut violations = Vec::new();
    for source in sources() {
        for (index, line) in source.code.lines().enumerate() {
            if line.contains(".unwrap()")
                || line.contains(".unwrap_err()")
                || line.contains(".expect_err(")
            {
                violations.push(source.at(index + 1));
            }
        }
    }
    assert_none(&violations);
}

#[test]
fn no_module_is_named_after_nothing() {
    let vague = sources().into_iter().filter(|source| {
        let words = [
            "util", "utils", "helper", "helpers", "common", "misc", "types", "models",
        ];
        let stem = source
            .path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        words.iter().any(|word| {
            stem.as_deref() == Some(word)
                || source
                    .path
                    .components()
                    .any(|part| part.as_os_str() == *word)
        })
    });
    assert_none(&vague.map(|source| source.at(1)).collect::<Vec<_>>());
}

#[test]
fn the_reader_of_sources_sees_code_and_nothing_else() {
    let text = "use a::b; // sqlx\n/* sqlx\n */ let s = \"sqlx \\\" sqlx\"; let c = '\"';\nr#\"sqlx \" \"#; x::<'a>(sqlx);\n\
        #[cfg(test)]\nmod tests {\n sqlx\n}";
    let code = without_tests(&code_of(text));
    let source = Source {
        path: PathBuf::from("a/b.rs"),
        code,
    };
    assert_eq!(source.lines_with("sqlx"), [4]);
    assert_eq!(source.code.lines().count(), 4);
    assert_eq!(source.module(), "a");
    let code = "use crate::{audit::{A, B}, db, http as h};\nlet x = crate::limit::Y;".to_owned();
    let source = Source {
        path: PathBuf::from("lib.rs"),
        code,
    };
    let names: Vec<(usize, String)> = imports(&source);
    let expected = [(1, "audit"), (1, "db"), (1, "http"), (2, "limit")];
    assert_eq!(names, expected.map(|(line, name)| (line, name.to_owned())));
}
