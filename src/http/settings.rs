//! The settings of the API: what a request must hold, and what stands between modgate and its clients.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::domain::Kind;

/// What a request must hold beyond the rules that are always there.
#[derive(Clone, Debug)]
pub struct RequestRules {
    /// The kinds of action that there are here.
    pub kinds: Vec<Kind>,
    /// What `user_id` must match as a whole.
    pub user_id_pattern: Option<WholePattern>,
    /// Whether `reason` must be given.
    pub require_reason: bool,
}

impl Default for RequestRules {
    fn default() -> Self {
        Self {
            kinds: Kind::ALL.to_vec(),
            user_id_pattern: None,
            require_reason: false,
        }
    }
}

/// What is known of the way that requests come.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// `MODGATE_TRUSTED_PROXIES`
    pub trusted_proxies: TrustedProxies,
    /// `MODGATE_CORS_ORIGINS`, each as a browser sends it.
    pub cors_origins: Vec<String>,
}

/// The networks whose word about their own clients is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Whether `address`, in its canonical form, is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether all there is of a family of addresses is in one of them.
    pub fn contain_everyone(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<Networks: IntoIterator<Item = IpNet>>(networks: Networks) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// A pattern that matches a whole text.
#[derive(Clone, Debug)]
pub struct WholePattern {
    text: String,
    whole: regex::Regex,
}

impl WholePattern {
    /// Reads a regular expression; refuses one that is none, with the rule.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A pattern that is wrong alone may be right between the brackets, as `a)(b` is.
        let whole = regex::Regex::new(text)
            .and_then(|_| regex::Regex::new(&format!(r"\A(?:{text})\z")))
            .map_err(|error| {
                // The lines before the last one are a drawing.
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default();
                format!("must be a regular expression: {reason}")
            })?;
        let text = text.to_owned();
        Ok(Self { text, whole })
    }

    /// Whether all of `text` matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// The pattern as the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
