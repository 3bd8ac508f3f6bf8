//! `modgate token`: tokens for development, where there is no identity provider.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{Failed, output};
use crate::auth::mint::{Claims, Minter};
use crate::config::{self, Environment};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The subject: who the moderator is.
    #[arg(long = "sub")]
    subject: String,
    /// The moderator's name, for people to read.
    #[arg(long)]
    name: Option<String>,
    /// Scopes, separated by spaces, such as `action:kick_login audit:read`.
    #[arg(long = "scope", default_value = "")]
    scopes: String,
    /// How long the token is valid, such as 15m or 12h.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    ttl: std::time::Duration,
    /// A private key in PKCS#8 PEM to sign with, instead of `MODGATE_JWT_SECRET`.
    #[arg(long)]
    private_key: Option<PathBuf>,
}

pub(super) fn print(environment: &Environment, arguments: &Arguments) -> Result<(), Failed> {
    let settings = config::token_settings(environment)?;
    let minter = match (&arguments.private_key, &settings.secret) {
        (Some(path), _) => {
            let pem = std::fs::read_to_string(path).map(SecretString::from);
            let pem =
                pem.map_err(|error| Failed(format!("cannot read {}: {error}", path.display())))?;
            Minter::from_private_key_pem(&pem)
        }
        (None, Some(secret)) => Minter::from_secret(secret),
        (None, None) => {
            return Err(Failed(
                "MODGATE_JWT_SECRET or --private-key is needed to sign a token".to_owned(),
            ));
        }
    };
    let claims = Claims {
        issuer: settings.issuer,
        audience: settings.audience,
        subject: arguments.subject.clone(),
        name: arguments.name.clone(),
        scopes: arguments
            .scopes
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        ttl: arguments.ttl,
        now: Utc::now(),
    };
    let token = minter
        .and_then(|minter| minter.mint(&claims))
        .map_err(|error| Failed::because(&error))?;
    output::line(token.expose_secret())
}
