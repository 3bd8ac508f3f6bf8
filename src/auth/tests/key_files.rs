use aws_lc_rs::rsa;
use secrecy::SecretString;

use super::public_keys::{ED448, P256_COMPRESSED, P521, RSA_1024, RSA_PSS, SECP256K1, X25519};
use super::*;
use crate::auth::mint::{self, Minter};
use crate::auth::{ClaimPath, Error};

fn load(file: &str) -> Result<(), Error> {
    Verifier::new(settings(KeySource::PublicKeyPem(file.to_owned()))).map(|_| ())
}

fn der(pem_text: &str) -> Vec<u8> {
    pem::parse(pem_text).unwrap().into_contents()
}

/// A file whose first block is good and whose second is `block`.
fn second(block: &str) -> String {
    format!("{}{block}", TEST_KEYS.ed25519.public_pem)
}

#[test]
fn a_malformed_file_is_refused_with_the_number_of_the_block() {
    let good = TEST_KEYS.ed25519.public_pem.as_str();
    let no_end = format!("{}{good}", &good[..60]);
    assert_eq!(load(""), Err(Error::NoPemBlock));
    assert_eq!(load("ssh-ed25519 AAAA alice"), Err(Error::NoPemBlock));
    assert_eq!(load(&no_end), Err(Error::MalformedPem { block: 1 }));
    let cut_short = &good[..good.len() - 10];
    let not_base64 = good.replace("MC", "!!");
    for block in [cut_short, &not_base64] {
        assert_eq!(
            load(&second(block)),
            Err(Error::MalformedPem { block: 2 }),
            "{block}"
        );
    }
}

#[test]
fn a_private_key_or_a_certificate_is_refused_by_its_tag() {
    for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
        let file = second(&pem(&format!("{kind}PRIVATE KEY"), b"x"));
        assert_eq!(load(&file), Err(Error::PrivateKey { block: 2 }), "{kind}");
    }
    for tag in ["CERTIFICATE", "EC PARAMETERS", "SSH2 PUBLIC KEY"] {
        let file = second(&pem(tag, b"x"));
        assert_eq!(load(&file), Err(Error::NotAPublicKey { block: 2 }), "{tag}");
    }
}

#[test]
fn a_key_of_another_kind_or_form_is_refused() {
    let rsa_der = der(&TEST_KEYS.rsa.public_pem);
    let pkcs1 = rsa::PublicKey::from_der(&rsa_der).unwrap();
    let raw_ed25519 = &der(&TEST_KEYS.ed25519.public_pem)[12..];
    let raw_point = &der(&TEST_KEYS.p256.public_pem)[26..];
    let trailing = [&rsa_der[..], &[0]].concat();
    let mislabelled = |der: &[u8]| pem("PUBLIC KEY", der);
    let table = [
        ("P-521", P521.to_owned()),
        ("secp256k1", SECP256K1.to_owned()),
        ("X25519", X25519.to_owned()),
        ("Ed448", ED448.to_owned()),
        ("RSA restricted to PSS", RSA_PSS.to_owned()),
        ("bare Ed25519", mislabelled(raw_ed25519)),
        ("bare point", mislabelled(raw_point)),
        ("trailing byte", mislabelled(&trailing)),
        ("PKCS#1", mislabelled(pkcs1.as_ref())),
        (
            "private key",
            mislabelled(&der(&TEST_KEYS.p256.private_pem)),
        ),
        ("not PKCS#1", pem("RSA PUBLIC KEY", &rsa_der)),
    ];
    for (name, block) in table {
        let refused = load(&second(&block));
        assert_eq!(refused, Err(Error::UnsupportedKey { block: 2 }), "{name}");
    }
    let too_short = Error::RsaKeySize {
        block: 2,
        bits: 1024,
    };
    assert_eq!(load(&second(RSA_1024)), Err(too_short));
}

#[test]
fn text_around_the_blocks_and_windows_line_ends_do_no_harm() {
    let file = TEST_KEYS
        .all()
        .map(|key| format!("# a key\r\n{}", key.public_pem))
        .concat();
    assert_eq!(load(&file.replace('\n', "\r\n")), Ok(()));
    assert_eq!(load(P256_COMPRESSED), Ok(()));
}

#[test]
fn a_secret_must_be_long_enough_and_no_key_in_pem_form() {
    let load = |secret: &str| Verifier::new(settings(KeySource::Secret(secret.into()))).map(|_| ());
    assert_eq!(load(&"x".repeat(31)), Err(Error::SecretTooShort));
    assert_eq!(load(&"x".repeat(32)), Ok(()));
    assert_eq!(load(&TEST_KEYS.rsa.public_pem), Err(Error::SecretIsPem));
}

#[test]
fn an_empty_issuer_or_audience_makes_no_verifier() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(KeySource::Secret(SECRET.into()));
        change(&mut settings);
        Verifier::new(settings).map(|_| ())
    };
    assert_eq!(
        with(|settings| settings.issuer.clear()),
        Err(Error::NoIssuer)
    );
    assert_eq!(
        with(|settings| settings.audience.clear()),
        Err(Error::NoAudience)
    );
    assert_eq!(
        with(|settings| settings.audience.push(String::new())),
        Err(Error::NoAudience)
    );
}

#[test]
fn a_claim_path_is_a_name_or_a_json_pointer() {
    for good in [
        "scope",
        "https://example.com/roles",
        "/a/b",
        "/a~1b/~0",
        "a~b",
    ] {
        assert!(good.parse::<ClaimPath>().is_ok(), "{good}");
    }
    for bad in ["", "/a~", "/a~2", "/~~0"] {
        assert_eq!(bad.parse::<ClaimPath>(), Err(Error::ClaimPath), "{bad}");
    }
}

#[test]
fn a_private_key_that_cannot_sign_makes_no_minter() {
    let p256 = &TEST_KEYS.p256;
    for bad in [
        String::new(),
        p256.public_pem.clone(),
        pem("EC PRIVATE KEY", &der(&p256.private_pem)),
        pem("PRIVATE KEY", b"no key"),
        p256.private_pem[..100].to_owned(),
    ] {
        let minter = Minter::from_private_key_pem(&SecretString::from(bad.clone()));
        assert!(matches!(minter, Err(mint::Error::PrivateKey)), "{bad}");
    }
    let minter = Minter::from_secret(&"short".into());
    assert!(matches!(
        minter,
        Err(mint::Error::Secret(Error::SecretTooShort))
    ));
}

#[test]
fn no_key_is_seen_in_the_debug_form_of_anything() {
    let sources = [
        KeySource::Secret(SECRET.into()),
        KeySource::PublicKeyPem(TEST_KEYS.all().map(|key| key.public_pem.as_str()).concat()),
    ];
    let private_pem = SecretString::from(TEST_KEYS.p256.private_pem.as_str());
    let mut seen = vec![
        format!("{:?}", Minter::from_secret(&SECRET.into()).unwrap()),
        format!("{:?}", Minter::from_private_key_pem(&private_pem).unwrap()),
    ];
    for source in sources {
        let settings = settings(source);
        seen.push(format!(
            "{settings:?}{:?}",
            Verifier::new(settings.clone()).unwrap()
        ));
    }
    let seen = seen.concat();
    let bytes = SECRET
        .as_bytes()
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    for secret in [SECRET, "BEGIN", &bytes] {
        assert!(!seen.contains(secret), "{seen}");
    }
}
