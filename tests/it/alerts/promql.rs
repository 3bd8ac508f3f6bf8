//! Reads as much of `PromQL` as it takes to know which metrics and labels an expression needs.
//! A word that it cannot place is a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::vec::IntoIter;

use regex::Regex;

/// What Prometheus adds to each series.
const OF_THE_TARGET: [&str; 2] = ["instance", "job"];

const FUNCTIONS: &[&str] = &[
    "absent",
    "count",
    "histogram_quantile",
    "increase",
    "max",
    "max_over_time",
    "min",
    "rate",
    "sum",
];

const GROUPING: &[&str] = &["by", "ignoring", "on", "without"];

const OPERATORS: &[&str] = &["and", "bool", "or", "unless"];

/// The metrics of a live gateway, as they are exposed: the labels of each, and their values.
#[derive(Debug, Default)]
pub(super) struct Exposed(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Exposed {
    pub(super) fn read(exposition: &str) -> Self {
        let sample = Regex::new(r"^([a-z_]+)(?:\{(.*)\})? \S+$").expect("it is one");
        let label = Regex::new(r#"([a-z_]+)="([^"]*)""#).expect("it is one");
        let mut exposed = Self::default();
        for line in exposition.lines().filter(|line| !line.starts_with('#')) {
            let sample = sample
                .captures(line)
                .unwrap_or_else(|| panic!("no sample: {line}"));
            let labels = exposed.0.entry(sample[1].to_owned()).or_default();
            let written = sample.get(2).map_or("", |written| written.as_str());
            for label in label.captures_iter(written) {
                let values = labels.entry(label[1].to_owned()).or_default();
                values.insert(label[2].to_owned());
            }
        }
        exposed
    }

    /// Adds a metric that comes from elsewhere.
    pub(super) fn with(mut self, metric: &str) -> Self {
        self.0.entry(metric.to_owned()).or_default();
        self
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn has_label(&self, metric: &str, label: &str) -> bool {
        let labels = self.0.get(metric);
        OF_THE_TARGET.contains(&label) || labels.is_some_and(|labels| labels.contains_key(label))
    }

    /// Whether a matcher can match: each of its plain values is one that the label has.
    fn has_values(&self, metric: &str, label: &str, pattern: &str) -> bool {
        if OF_THE_TARGET.contains(&label) || label == "status" {
            return true;
        }
        let values = self.0.get(metric).and_then(|labels| labels.get(label));
        let mut wanted = pattern.split('|');
        values.is_some_and(|values| wanted.all(|value| values.contains(value)))
    }
}

/// What an expression needs.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) metrics: BTreeSet<String>,
    /// Metric, label, and the value or pattern that it is compared with.
    matchers: Vec<(String, String, String)>,
    /// Labels that results are grouped or joined by.
    pub(super) grouped_by: BTreeSet<String>,
    pub(super) faults: Vec<String>,
}

type Words = Peekable<IntoIter<String>>;

/// Reads an expression.
pub(super) fn needs(expression: &str) -> Needs {
    let token = Regex::new(
        r#"(?x) "[^"]*" | \[[^\]]*\] | [A-Za-z_:][A-Za-z0-9_:]* | [0-9]+(?:\.[0-9]+)?
        | =~ | !~ | != | == | >= | <= | \S"#,
    );
    let token = token.expect("it is one");
    let words: Vec<String> = token
        .find_iter(expression)
        .map(|found| found.as_str().to_owned())
        .collect();
    let (mut words, mut needs) = (words.into_iter().peekable(), Needs::default());
    while let Some(word) = words.next() {
        needs.place(&word, &mut words);
    }
    needs
}

impl Needs {
    fn place(&mut self, word: &str, words: &mut Words) {
        let called = words.peek().is_some_and(|next| next == "(");
        if GROUPING.contains(&word) {
            self.grouped_by.extend(list(words));
        } else if FUNCTIONS.contains(&word) {
            let grouped = words
                .peek()
                .is_some_and(|next| GROUPING.contains(&next.as_str()));
            if !called && !grouped {
                self.faults.push(format!("{word} is given nothing"));
            }
        } else if OPERATORS.contains(&word) {
        } else if word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            if called {
                self.faults.push(format!("{word} is no function"));
            }
            self.metrics.insert(word.to_owned());
            if words.next_if(|next| next == "{").is_some() {
                self.matchers(word, words);
            }
        } else if !word.starts_with(['[', '"'])
            && !word.starts_with(|first: char| first.is_ascii_digit())
            && ![
                "(", ")", ",", "+", "-", "*", "/", ">", "<", "==", "!=", ">=", "<=",
            ]
            .contains(&word)
        {
            self.faults.push(format!("{word} has no place"));
        }
    }

    fn matchers(&mut self, metric: &str, words: &mut Words) {
        while let Some(label) = words.next_if(|next| next != "}") {
            let (operator, value) = (words.next(), words.next());
            let (Some(operator), Some(value)) = (operator, value) else {
                return self.faults.push("a matcher is not ended".to_owned());
            };
            if !["=", "=~", "!=", "!~"].contains(&operator.as_str()) || !value.starts_with('"') {
                self.faults
                    .push(format!("{label}{operator}{value} is no matcher"));
            }
            let value = value.trim_matches('"').to_owned();
            self.matchers.push((metric.to_owned(), label, value));
            words.next_if(|next| next == ",");
        }
        if words.next().is_none() {
            self.faults.push("the matchers are not ended".to_owned());
        }
    }

    /// What of it a gateway that exposes this does not have.
    pub(super) fn missing_from(&self, exposed: &Exposed) -> Vec<String> {
        let mut missing = self.faults.clone();
        for metric in &self.metrics {
            if !exposed.0.contains_key(metric) {
                missing.push(format!("there is no metric {metric}"));
                continue;
            }
            let without = self
                .grouped_by
                .iter()
                .filter(|label| !exposed.has_label(metric, label));
            missing.extend(without.map(|label| format!("{metric} has no label {label}")));
        }
        for (metric, label, value) in &self.matchers {
            if !exposed.has_label(metric, label) {
                missing.push(format!("{metric} has no label {label}"));
            } else if !exposed.has_values(metric, label, value) {
                missing.push(format!("no {label} of {metric} is {value}"));
            }
        }
        missing
    }

    /// Whether its results have this label.
    pub(super) fn keeps(&self, label: &str, exposed: &Exposed) -> bool {
        if self.grouped_by.is_empty() {
            self.metrics
                .iter()
                .all(|metric| exposed.has_label(metric, label))
        } else {
            self.grouped_by.contains(label)
        }
    }
}

/// The names between parentheses.
fn list(words: &mut Words) -> Vec<String> {
    let mut names = Vec::new();
    words.next();
    for word in words.by_ref() {
        match word.as_str() {
            ")" => break,
            "," => {}
            _ => names.push(word),
        }
    }
    names
}
