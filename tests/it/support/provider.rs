//! An identity provider: keys that it publishes, and tokens that it signs with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, Issuer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::{AUDIENCE, ISSUER};

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key of the provider.
pub(crate) struct SigningKey {
    algorithm: Algorithm,
    pub(crate) encoding: EncodingKey,
    /// What is published of it.
    pub(crate) jwk: Value,
}

impl SigningKey {
    pub(crate) fn es256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("randomness");
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let private = pair.to_pkcs8v1().expect("it was just made");
        Self {
            algorithm: Algorithm::ES256,
            encoding: EncodingKey::from_ec_der(private.as_ref()),
            jwk: json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y),
                        "kid": id, "use": "sig", "alg": "ES256"}),
        }
    }

    pub(crate) fn rs256(id: &str) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("randomness");
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let private = pem::encode(&pem::Pem::new(
            "PRIVATE KEY",
            pair.as_der().expect("it was just made").as_ref(),
        ));
        Self {
            algorithm: Algorithm::RS256,
            encoding: EncodingKey::from_rsa_pem(private.as_bytes()).expect("it was just made"),
            jwk: json!({"kty": "RSA", "n": base64url(public.n), "e": base64url(public.e),
                        "kid": id, "use": "sig"}),
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.jwk["kid"].as_str().expect("it has one")
    }

    /// A token that says `claims`, which names this key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id().to_owned());
        self.sign_as(&header, claims)
    }

    pub(crate) fn sign_as(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.encoding).expect("the key is of the algorithm")
    }

    /// A token of any header, with a signature that is right.
    pub(crate) fn sign_raw(&self, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            base64url(header.to_string()),
            base64url(claims.to_string())
        );
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, self.algorithm);
        format!(
            "{message}.{}",
            signature.expect("the key is of the algorithm")
        )
    }
}

/// Claims of a moderator with every right, for ten minutes.
pub(crate) fn claims(subject: &str) -> Value {
    let now = Utc::now().timestamp();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600,
           "scope": "action:kick_login action:kick_seat"})
}

/// How the provider answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Document(Vec<u8>),
    Status(u16),
    /// To this location.
    Redirect(String),
    /// Takes the request and says nothing.
    Silence,
}

#[derive(Debug)]
struct Shared {
    answer: Mutex<Answer>,
    fetches: AtomicU64,
}

impl Shared {
    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server of keys, over HTTP or TLS. Dropped, it refuses connections.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) addr: SocketAddr,
    /// The certificate of its authority, in PEM, if it is one over TLS.
    pub(crate) authority: Option<String>,
    shared: Arc<Shared>,
    tls: Option<Arc<ServerConfig>>,
    listening: Option<DropGuard>,
}

impl Provider {
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        Self::new(None, None, keys).await
    }

    /// Over TLS, with a certificate of an authority that nobody knows.
    pub(crate) async fn start_tls(keys: &[&SigningKey]) -> Self {
        let made = "certificates can be made";
        let authority_key = rcgen::KeyPair::generate().expect(made);
        let mut authority = CertificateParams::new([]).expect(made);
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&authority_key).expect(made);
        let issuer = Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().expect(made);
        let own = CertificateParams::new(["localhost".to_owned()]).expect(made);
        let own = own.signed_by(&key, &issuer).expect(made);
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], private)
            .expect(made);
        Self::new(Some(Arc::new(config)), Some(certificate.pem()), keys).await
    }

    async fn new(
        tls: Option<Arc<ServerConfig>>,
        authority: Option<String>,
        keys: &[&SigningKey],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut provider = Self {
            addr: listener.local_addr().expect("it is bound"),
            authority,
            shared: Arc::new(Shared {
                answer: Mutex::new(document(keys)),
                fetches: AtomicU64::new(0),
            }),
            tls,
            listening: None,
        };
        provider.listen(listener);
        provider
    }

    fn listen(&mut self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let (shared, tls, stopped) = (Arc::clone(&self.shared), self.tls.clone(), stop.clone());
        self.listening = Some(stop.drop_guard());
        tokio::spawn(stopped.run_until_cancelled_owned(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(connection, &shared).await,
                        Some(tls) => {
                            if let Ok(connection) = TlsAcceptor::from(tls).accept(connection).await
                            {
                                serve(connection, &shared).await;
                            }
                        }
                    }
                });
            }
        }));
    }

    pub(crate) fn url(&self) -> String {
        let (scheme, port) = (
            if self.tls.is_some() { "https" } else { "http" },
            self.addr.port(),
        );
        format!("{scheme}://localhost:{port}/keys")
    }

    /// How often it was asked.
    pub(crate) fn fetches(&self) -> u64 {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// What it answers from here on.
    pub(crate) fn set(&self, answer: Answer) {
        *self.shared.answer() = answer;
    }

    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        self.set(document(keys));
    }

    /// Refuses connections from here on.
    pub(crate) fn stop(&mut self) {
        self.listening = None;
    }

    /// Listens again where it did.
    pub(crate) async fn start_again(&mut self) {
        let bound = super::eventually::eventually(
            "the port is free again",
            Duration::from_secs(10),
            async || TcpListener::bind(self.addr).await.ok(),
        );
        let listener = bound.await;
        self.listen(listener);
    }
}

/// What is published of `keys`.
pub(crate) fn document(keys: &[&SigningKey]) -> Answer {
    let keys: Vec<&Value> = keys.iter().map(|key| &key.jwk).collect();
    Answer::Document(json!({"keys": keys}).to_string().into_bytes())
}

/// One request, one answer.
async fn serve(mut connection: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer().clone();
    let (status, headers, body) = match answer {
        Answer::Document(body) => (200, "Content-Type: application/json\r\n".to_owned(), body),
        Answer::Status(status) => (status, String::new(), b"{}".to_vec()),
        Answer::Redirect(to) => (302, format!("Location: {to}\r\n"), Vec::new()),
        Answer::Silence => std::future::pending().await,
    };
    let head = format!(
        "HTTP/1.1 {status} Answer\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // The gateway may have heard enough before the end.
    let _ = connection.write_all(head.as_bytes()).await;
    let _ = connection.write_all(&body).await;
    let _ = connection.shutdown().await;
}
