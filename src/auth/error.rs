//! What can be wrong with what a [`Verifier`](super::Verifier) is made of.

/// The settings make no verifier. No variant holds any part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An empty issuer would match an empty `iss`.
    #[error("the issuer is empty")]
    NoIssuer,
    /// Without an audience every token is refused; an empty one would match an empty `aud`.
    #[error("the audience is empty, or has an empty item")]
    NoAudience,
    /// RFC 7518, 3.2.
    #[error("the secret is shorter than the 32 bytes that HS256 needs")]
    SecretTooShort,
    /// A public key as a secret would let everyone who knows it forge tokens.
    #[error("the secret holds a PEM block; a key in PEM form is not a shared secret")]
    SecretIsPem,
    /// Neither a claim's name nor a JSON pointer.
    #[error("a claim is named by its name or, from a leading slash on, by a JSON pointer")]
    ClaimPath,
    /// Such a text in a setting is a slip, and no claim would ever be equal to it.
    #[error(
        "must not begin or end with white space, nor hold line ends or other control characters"
    )]
    NotClaimText,
    /// Whoever can change the answer on its way can make tokens.
    #[error("must be an https URL, or an http one to this machine, without user name and fragment")]
    JwksUrl,
    /// They are checked with those of Tencent's client, so this is hardly ever seen.
    #[error("the further root certificates must be certificates in PEM")]
    FurtherRoots,
    /// TLS or the resolver could not be set up.
    #[error("the client that fetches keys cannot be set up")]
    JwksClient,
    /// There is nothing to check signatures with.
    #[error("there is no PEM block in it")]
    NoPemBlock,
    /// Cut short, not base64, or the tags differ.
    #[error("PEM block {block} is malformed")]
    MalformedPem {
        /// From 1.
        block: usize,
    },
    /// It must not be on this machine at all.
    #[error("PEM block {block} is a private key; only the public key belongs here")]
    PrivateKey {
        /// From 1.
        block: usize,
    },
    /// A certificate, parameters, an SSH key and so on.
    #[error("PEM block {block} is neither a PUBLIC KEY nor an RSA PUBLIC KEY")]
    NotAPublicKey {
        /// From 1.
        block: usize,
    },
    /// Another kind or curve, a key restricted to PSS, or bytes that are no key.
    #[error("PEM block {block} holds no plain RSA, P-256, P-384 or Ed25519 public key")]
    UnsupportedKey {
        /// From 1.
        block: usize,
    },
    /// RFC 7518, 3.3 and 3.5 ask for 2048 bits; more than 8192 is not supported.
    #[error("the RSA key of PEM block {block} has {bits} bits; 2048 to 8192 are accepted")]
    RsaKeySize {
        /// From 1.
        block: usize,
        /// Of the modulus.
        bits: usize,
    },
}
