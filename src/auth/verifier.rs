//! From the header to the moderator.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::claims::ClaimRules;
use super::keys::{self, LONGEST_KEY_ID, VerificationKey};
use super::nulls::without_nulls;
use super::{ClaimPath, Error, Jwks, KeySource, Refusal, Settings};
use crate::domain::Moderator;
use crate::members::object;
use crate::telemetry::OnceAMinute;

/// The longest token that is read, in bytes. A token that lists some hundred groups or roles is
/// longer than 8 KiB; 16 KiB is what load balancers commonly pass in one header field.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Checks bearer tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: Keys,
    rules: ClaimRules,
    useless_token: OnceAMinute,
}

/// What signatures are checked with.
#[derive(Debug)]
enum Keys {
    /// At least one.
    Configured(Vec<VerificationKey>),
    Published(Arc<Jwks>),
}

/// All that keeps signatures from being checked with what `source` says; nothing is fetched.
pub fn faults_of_keys(source: KeySource) -> Vec<Error> {
    match source {
        KeySource::PublicKeyPem(text) => keys::faults_of_pem(&text),
        source => keys(source).err().into_iter().collect(),
    }
}

fn keys(source: KeySource) -> Result<Keys, Error> {
    Ok(match source {
        KeySource::Secret(secret) => Keys::Configured(vec![keys::shared_secret(&secret)?]),
        KeySource::PublicKeyPem(text) => Keys::Configured(keys::public_keys(&text)?),
        KeySource::Jwks(source) => Keys::Published(Arc::new(Jwks::new(source)?)),
    })
}

impl Verifier {
    /// A verifier for tokens as `settings` describe them.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        if settings.issuer.is_empty() {
            return Err(Error::NoIssuer);
        }
        if settings.audience.is_empty() || settings.audience.iter().any(String::is_empty) {
            return Err(Error::NoAudience);
        }
        Ok(Self {
            keys: keys(settings.keys)?,
            rules: ClaimRules {
                issuer: settings.issuer,
                audience: settings.audience,
                audience_claim: settings.audience_claim,
                accept_id_tokens: settings.accept_id_tokens,
                leeway: settings.leeway,
                scope_claims: settings.scope_claims,
                scope_map: settings.scope_map,
                subject_claim: settings.subject_claim,
                name_claim: settings.name_claim,
            },
            useless_token: OnceAMinute::default(),
        })
    }

    /// The keys that the identity provider publishes, if they are what tokens are checked with.
    /// Somebody must keep them fresh.
    pub fn jwks(&self) -> Option<&Arc<Jwks>> {
        match &self.keys {
            Keys::Published(jwks) => Some(jwks),
            Keys::Configured(_) => None,
        }
    }

    /// The moderator of an `Authorization` header's value (RFC 6750, 2.1). That there is at most
    /// one such header is for the caller to see to. Waits for a key that is not known yet, some
    /// seconds at the longest.
    pub async fn authenticate(&self, authorization: Option<&[u8]>) -> Result<Moderator, Refusal> {
        let header = authorization.ok_or(Refusal::NoToken)?;
        let end_of_scheme = header.iter().position(|&byte| byte == b' ');
        let (scheme, rest) = header.split_at(end_of_scheme.unwrap_or(header.len()));
        let token = &rest[rest.iter().take_while(|&&byte| byte == b' ').count()..];
        if !scheme.eq_ignore_ascii_case(b"Bearer") || token.is_empty() {
            return Err(Refusal::NoToken);
        }
        let token = bearer_token(token).ok_or(Refusal::Malformed)?;
        self.verify_at(token, Utc::now()).await
    }

    /// The moderator of a token in JWS compact form (RFC 7515, 7.1).
    pub(super) async fn verify_at(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Moderator, Refusal> {
        let token = Token::parse(token)?;
        match &self.keys {
            Keys::Configured(keys) => token.check_signature(keys)?,
            Keys::Published(jwks) => {
                let keys = jwks.keys_for(token.key_id()?).await?;
                token.check_signature(&keys)?;
            }
        }
        let claims = without_nulls(decode_object(token.payload)?);
        let moderator = self.rules.moderator(&token.header, &claims, now)?;
        if moderator.held().next().is_none() {
            self.report_useless(&claims);
        }
        Ok(moderator)
    }

    /// Who gets 403 for everything with a token that is accepted cannot see why. Says nothing of
    /// what the token holds.
    fn report_useless(&self, claims: &Value) {
        if !self.useless_token.is_due() {
            return;
        }
        let names = |paths: Vec<&ClaimPath>| {
            let names: Vec<_> = paths.iter().map(ToString::to_string).collect();
            names.join(",")
        };
        tracing::warn!(
            event = "token_without_scope",
            claims = names(self.rules.scope_claims.iter().collect()),
            present = names(self.rules.scope_claims_of(claims)),
            "a valid token opens nothing: the claims that were looked at hold no scope, and no name in MODGATE_JWT_SCOPE_MAP; not said again for a minute"
        );
    }
}

/// A token of which only the header was read.
#[derive(Debug)]
struct Token<'a> {
    header: Value,
    algorithm: Algorithm,
    /// Header and payload as they were sent.
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    fn parse(token: &'a str) -> Result<Self, Refusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(Refusal::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Refusal::Malformed)?;
        if payload.contains('.') {
            return Err(Refusal::Malformed);
        }
        let header = decode_object(header)?;
        let algorithm = algorithm(&header)?;
        Ok(Self {
            header,
            algorithm,
            message,
            payload,
            signature,
        })
    }

    /// Which of the issuer's keys is meant (RFC 7515, 4.1.4).
    fn key_id(&self) -> Result<Option<&str>, Refusal> {
        match self.header.get("kid") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) if id.len() <= LONGEST_KEY_ID => Ok(Some(id)),
            Some(_) => Err(Refusal::Malformed),
        }
    }

    fn check_signature(&self, keys: &[VerificationKey]) -> Result<(), Refusal> {
        if !keys.iter().any(|key| key.accepts(self.algorithm)) {
            return Err(Refusal::UnacceptedAlgorithm);
        }
        let signed =
            |key: &VerificationKey| key.signed(self.algorithm, self.message, self.signature);
        if keys.iter().any(signed) {
            Ok(())
        } else {
            Err(Refusal::BadSignature)
        }
    }
}

/// The `b64token` of RFC 6750, 2.1, if `bytes` are one.
fn bearer_token(bytes: &[u8]) -> Option<&str> {
    let token = std::str::from_utf8(bytes).ok()?;
    let body = token.trim_end_matches('=');
    let holds = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    (!body.is_empty() && body.bytes().all(holds)).then_some(token)
}

fn decode_object(part: &str) -> Result<Value, Refusal> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Refusal::Malformed)?;
    object(&bytes).ok_or(Refusal::Malformed)
}

/// The algorithm that a JOSE header names, if the header asks for nothing else that matters.
fn algorithm(header: &Value) -> Result<Algorithm, Refusal> {
    let typ = header.get("typ").filter(|typ| !typ.is_null());
    if !typ.is_none_or(is_accepted_type) {
        return Err(Refusal::UnacceptedType);
    }
    // RFC 7797 wants `b64` listed in `crit`; a sender that forgets it still means it.
    let unencoded = header.get("b64").is_some_and(|b64| b64 != true);
    if header.get("crit").is_some() || unencoded {
        return Err(Refusal::UnsupportedExtension);
    }
    let name = header
        .get("alg")
        .and_then(Value::as_str)
        .ok_or(Refusal::Malformed)?;
    name.parse().map_err(|_| Refusal::UnacceptedAlgorithm)
}

/// RFC 7515, 4.1.9: media types, compared without case, that may leave out `application/`.
fn is_accepted_type(typ: &Value) -> bool {
    let accepted = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];
    typ.as_str()
        .is_some_and(|typ| accepted.iter().any(|one| typ.eq_ignore_ascii_case(one)))
}
