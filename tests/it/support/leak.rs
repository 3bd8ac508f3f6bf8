//! A search for secrets in everything that a gateway lets out.

use std::collections::HashMap;

use super::persona::Answer;

/// A part of a secret of that many bytes gives it away, and is nothing that is there by chance.
const PART: usize = 24;

/// What must be found nowhere, by its parts.
#[derive(Default)]
pub(crate) struct Secrets(HashMap<Vec<u8>, String>);

/// What was seen, and where.
#[derive(Default)]
pub(crate) struct Seen(Vec<(String, String)>);

impl Secrets {
    /// Remembers every part of `secret`, as text and in hexadecimal.
    pub(crate) fn keep(&mut self, name: &str, secret: &str) {
        assert!(
            secret.len() >= PART,
            "{name} is too short to be searched for"
        );
        for form in [secret.to_ascii_lowercase(), hexadecimal(secret)] {
            for part in form.as_bytes().windows(PART) {
                self.0.insert(part.to_owned(), name.to_owned());
            }
        }
    }

    /// The name of a secret of which a part is in `text`, in either case, percent-encoded or not.
    pub(crate) fn find(&self, text: &str) -> Option<&str> {
        let (once, twice) = (decoded(text), decoded(&decoded(text)));
        [text, &once, &twice].iter().find_map(|form| {
            let form = form.to_ascii_lowercase();
            form.as_bytes()
                .windows(PART)
                .find_map(|part| self.0.get(part).map(String::as_str))
        })
    }
}

impl Seen {
    pub(crate) fn add(&mut self, place: &str, text: impl Into<String>) {
        self.0.push((place.to_owned(), text.into()));
    }

    /// Keeps an answer with its headers.
    pub(crate) fn answer(&mut self, answer: Answer) -> Answer {
        let fields = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value:?}\n"));
        self.add("an answer", fields.collect::<String>() + &answer.text);
        answer
    }

    /// What was seen in places of that name.
    pub(crate) fn at(&self, place: &str) -> String {
        let there = self.0.iter().filter(|(seen_at, _)| seen_at == place);
        there
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn assert_holds_none_of(&self, secrets: &Secrets) {
        for (place, text) in &self.0 {
            if let Some(secret) = secrets.find(text) {
                panic!("{secret} is in {place}: {text}");
            }
        }
    }
}

/// As Postgres shows bytes.
pub(crate) fn hexadecimal(text: &str) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    text.bytes().flat_map(digits).flatten().collect()
}

/// Percent-encoded bytes replaced by what they stand for.
fn decoded(text: &str) -> String {
    let (bytes, mut at, mut decoded) = (text.as_bytes(), 0, Vec::with_capacity(text.len()));
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits
            .filter(|_| byte == b'%')
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
