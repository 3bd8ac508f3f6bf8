//! Takes typed values out of an environment, and notes every fault on the way.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::variable::Variable;
use super::{Environment, Faults, parse};

/// A setting that is in effect.
#[derive(Clone, Debug)]
pub struct Effective {
    /// Its variable.
    pub name: &'static str,
    /// Its value; a secret is hidden.
    pub value: String,
    /// Whether the value is the default.
    pub default: bool,
}

/// Reads settings and collects faults.
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    faults: Vec<String>,
    effective: Vec<Effective>,
}

impl<'a> Reader<'a> {
    /// A reader that has noted those variables, by name and value, that there should not be.
    pub(super) fn noting(
        environment: &'a Environment,
        is_unknown: impl Fn(&str, &str) -> bool,
    ) -> Self {
        let unknown = environment.0.iter().filter(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            is_unknown(name, value)
        });
        let faults = unknown
            .map(|(name, _)| format!("{name}: there is no such setting"))
            .collect();
        Self {
            environment,
            faults,
            effective: Vec::new(),
        }
    }

    /// `settings`, or all faults.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, Faults> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(Faults(self.faults)),
        }
    }

    /// Where the values come from.
    pub const fn environment(&self) -> &Environment {
        self.environment
    }

    /// What was read, in order.
    pub fn effective(&self) -> &[Effective] {
        &self.effective
    }

    /// Notes that `name` breaks `rule`. Its value is not in effect then, and not shown as such: it
    /// may be a URL with a password where none belongs.
    pub fn fault(&mut self, name: impl Display, rule: impl Display) {
        let name = name.to_string();
        self.effective.retain(|setting| setting.name != name);
        let fault = format!("{name}: {rule}");
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// A value, or its default; `None` if it is neither set nor has a default. An empty value is
    /// no value, and white space around one is not part of it.
    pub fn text(&mut self, variable: Variable) -> Option<String> {
        let Variable { name, default, .. } = variable;
        let value = self.trimmed(name);
        let is_default = value.is_none();
        let value = value.or_else(|| Some(default.to_owned()).filter(|text| !text.is_empty()));
        if let Some(value) = &value {
            self.effective.push(Effective {
                name,
                value: value.clone(),
                default: is_default,
            });
        }
        value
    }

    /// A value that must be set.
    pub fn required(&mut self, variable: Variable) -> Option<String> {
        let value = self.text(variable);
        if value.is_none() {
            self.missing(variable);
        }
        value
    }

    /// Notes that a value that must be set is not, unless something else is wrong with it already.
    pub fn missing(&mut self, variable: Variable) {
        if !self.is_faulty(variable) {
            self.fault(variable, "must be set");
        }
    }

    /// Whether something is wrong with a value or with the file it is read from.
    pub fn is_faulty(&self, variable: Variable) -> bool {
        let (value, file) = (format!("{variable}:"), format!("{}:", variable.file_name()));
        let mut faults = self.faults.iter();
        faults.any(|fault| fault.starts_with(&value) || fault.starts_with(&file))
    }

    /// Whether a setting that was read has this value.
    pub(super) fn is_in_effect(&self, variable: Variable, value: &str) -> bool {
        let mut effective = self.effective.iter();
        effective.any(|setting| setting.name == variable.name && setting.value == value)
    }

    /// A value of a type that says itself what is wrong with a text.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, variable: Variable) -> Option<T> {
        let text = self.text(variable)?;
        text.parse()
            .map_err(|error| self.fault(variable, error))
            .ok()
    }

    /// A value that `read` understands.
    pub fn with<T, E: Display>(
        &mut self,
        variable: Variable,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(variable)?;
        read(&text)
            .map_err(|error| self.fault(variable, error))
            .ok()
    }

    /// A duration such as `5s` or `24h`, above zero and at most `longest`.
    pub fn duration(&mut self, variable: Variable, longest: Duration) -> Option<Duration> {
        self.with(variable, |text| parse::duration(text, longest))
    }

    /// A secret: the value, or the content of the file that `<NAME>_FILE` names, without white space
    /// around it. Of one that may be any text only the line end is taken off that editors leave in a
    /// file; other white space around it is a fault, for without it it would be another secret.
    pub fn secret(&mut self, variable: Variable) -> Option<SecretString> {
        let (name, file_name) = (variable.name, variable.file_name());
        let path = self.trimmed(&file_name);
        let value = self.raw(name);
        let (named, text) = match (value, path) {
            (Some(_), Some(_)) => {
                self.fault(
                    name,
                    format_args!("must not be set together with {file_name}"),
                );
                return None;
            }
            (None, Some(path)) => {
                let content = SecretString::from(self.file(&file_name, &path)?);
                (file_name.as_str(), content)
            }
            (value, None) => (name, SecretString::from(value?)),
        };
        let text = text.expose_secret();
        let text = if variable.exact { text } else { text.trim() };
        if text.is_empty() {
            if named != name {
                self.fault(named, "the file is empty");
            }
            return None;
        }
        if let Err(rule) = parse::pasted(text) {
            self.fault(named, rule);
            return None;
        }
        self.effective.push(Effective {
            name,
            value: "(hidden)".to_owned(),
            default: false,
        });
        Some(SecretString::from(text))
    }

    /// A variable of somebody else's standard, which may hold a secret: shown as set, not its value.
    pub fn hidden(&mut self, name: &'static str) -> Option<String> {
        let value = self.trimmed(name)?;
        self.effective.push(Effective {
            name,
            value: "(hidden)".to_owned(),
            default: false,
        });
        Some(value)
    }

    /// A variable of somebody else's standard, which holds no secret.
    pub fn shown(&mut self, name: &'static str) -> Option<String> {
        let value = self.trimmed(name)?;
        self.effective.push(Effective {
            name,
            value: value.clone(),
            default: false,
        });
        Some(value)
    }

    /// The content of a file that a variable names.
    pub fn file(&mut self, name: impl Display, path: &str) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(content) => Some(content.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                self.fault(name, format_args!("cannot read {path}: {error}"));
                None
            }
        }
    }

    fn trimmed(&mut self, name: &str) -> Option<String> {
        let value = self.raw(name)?;
        match parse::pasted(value.trim()) {
            Ok("") => None,
            Ok(value) => Some(value.to_owned()),
            Err(rule) => {
                self.fault(name, rule);
                None
            }
        }
    }

    fn raw(&mut self, name: &str) -> Option<String> {
        match self.environment.0.get(name)? {
            Ok(value) if value.is_empty() => None,
            Ok(value) => Some(value.clone()),
            Err(_) => {
                self.fault(name, "must be UTF-8");
                None
            }
        }
    }
}
