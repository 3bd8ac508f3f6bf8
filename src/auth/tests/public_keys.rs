//! Public keys that must not be taken, and forms that must. Made with OpenSSL for these tests; their
//! private halves were never kept.

pub(super) const RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCxcZkaMplBLQ0ZZnMfaSqPnsrE
qODMjfwEHftgzdWqO9MJs6Kw8LGUEwYtk9LuPDQStdyRdBXq5nm2qmPrYNmL70Im
C97YrxEoCfxz3es0uvzj6ttDcMClihSVXJMB46f9cuP/4e5NngnsWXvb7Mt+4j+j
A2T6bmkwQgqE/DW15wIDAQAB
-----END PUBLIC KEY-----
";

pub(super) const RSA_PSS: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBANa55m6O4/EZ+SCy0MrqbX9X
TIEnTqag3+92mg6vlo9TmQzWhH94SK0wkL+tThPwP8Q7aw/9ndwgLK+MeL6xBlgr
QNh/0cVJL1N3WOUg78V4YBuERbhjyXSbHoOSeU8ALXLFOF7pxZOFvj5N5cdMZCZh
S3OueztNkMNw+6k8BFSfhpolW8FJVYBLw5b80+6DMhtzRPtN7rF5Ky8SwxxOQoiV
OOlRDKdZD8VY99AI3yP6iHEVBmAnjeO+46b6OoaL5ZPUbL96Egoj10aM8+n9o89R
G62iX7Gk/2H/g2dC44/i2SHQX7z6gNf9Ay6oX2CgZNoZY1UTHXt1Gh6z/aM61fUC
AwEAAQ==
-----END PUBLIC KEY-----
";

pub(super) const X25519: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAeFoK/XMEy1zhQj2/PIlbFmMvCaM97cS3rILj8Wp13mQ=
-----END PUBLIC KEY-----
";

pub(super) const ED448: &str = "\
-----BEGIN PUBLIC KEY-----
MEMwBQYDK2VxAzoAHZcz3N1ZHTqfoPllg9m+AZMunwkqdBRKhe0udYzByiP+jb8c
l1uzXiDBzFBJ8mOCcfQIYTzDSmIA
-----END PUBLIC KEY-----
";

pub(super) const SECP256K1: &str = "\
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE2Ou+8fv8XzUby+kSb7Vw9JPPacGk7sOq
z3i+RQUllOdM86bEyy6J+pMxjXBcEyY6ATIX5U/9ck9waZa+sihdKA==
-----END PUBLIC KEY-----
";

pub(super) const P521: &str = "\
-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQACzQUAAr2FIv3SHrQ/vo908OVWeU2
GlGyejc1Du0dXEQfBVXlzrwTVcAaR40u+kJ5qxEn+nMYIpFpoCg3XqlfUnIAf6II
dSVdA9oW8NH54hcjoQkxB5ZYIwkRNZwWev4BqLwbyAAbkG5ag2UUxUBpF/UpqZo8
Ybo+i3AlBlZ5wAEitZ0=
-----END PUBLIC KEY-----
";

pub(super) const P256_COMPRESSED: &str = "\
-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADFfRLh1PV827M/cpJffgqpED5qkvZ
ZC0V5mp6n7besOU=
-----END PUBLIC KEY-----
";
