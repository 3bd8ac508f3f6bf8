//! Why a request is not authenticated.

/// Why a request is not authenticated. Displays a sentence that is safe to show to the client and
/// fit for `error_description` (RFC 6750, 3: printable ASCII without quote and backslash). Holds
/// nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization` header, another scheme, or the scheme alone.
    #[error("no bearer token was presented")]
    NoToken,
    /// Longer than any token the gateway has to read.
    #[error("the token is longer than 16384 bytes")]
    TooLong,
    /// Not three base64url parts of JSON objects whose members are named once (RFC 7519, 4).
    #[error("the token is not a well-formed JWT")]
    Malformed,
    /// The header's `typ` is there and is neither `JWT` nor `at+jwt`.
    #[error("the type of the token is neither JWT nor at+jwt")]
    UnacceptedType,
    /// `crit`, or a payload that is not encoded (RFC 7797).
    #[error("the token demands an extension that is not supported")]
    UnsupportedExtension,
    /// No configured key goes with the token's `alg`; `none` goes with no key.
    #[error("the algorithm of the token is not accepted")]
    UnacceptedAlgorithm,
    /// The identity provider publishes no key of the name in `kid`.
    #[error("the token was signed with a key that is not known")]
    UnknownKey,
    /// Nobody can tell whether the token is good: the identity provider's keys could not be
    /// fetched since the start. Not the client's fault.
    #[error("no key to check tokens with could be fetched yet")]
    NoKeys,
    /// No configured key made the signature.
    #[error("the signature of the token is not valid")]
    BadSignature,
    /// An ID token (`OpenID` Connect Core 1.0, 2), and those are not accepted.
    #[error("the token is an ID token, not an access token")]
    IdToken,
    /// An ID token whose `aud` is not one client, or whose `azp` is another.
    #[error("the ID token is not for one client alone")]
    IdTokenAudience,
    /// The `iat` of an ID token is missing, ahead, or more than an hour ago.
    #[error("the ID token was not issued within the last hour")]
    IdTokenAge,
    /// `iss` is not the configured issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud`, or what is configured to stand for it, names none of the configured audiences.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` is missing or not a number.
    #[error("the token has no valid expiry time")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `nbf` is there and is not a number.
    #[error("the token has no valid start time")]
    MalformedNotBefore,
    /// The subject claim is not a string of 1 to 255 bytes without control characters.
    #[error("the token has no valid subject")]
    NoSubject,
}

impl Refusal {
    /// The value of `WWW-Authenticate`. Without a token there is no error code, so that a client
    /// that just did not know learns no more than the scheme (RFC 6750, 3.1).
    pub fn challenge(self) -> String {
        match self {
            Self::NoToken => "Bearer".to_owned(),
            refusal => format!("Bearer error=\"invalid_token\", error_description=\"{refusal}\""),
        }
    }
}
