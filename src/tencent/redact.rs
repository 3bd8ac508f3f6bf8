//! Removal of the credential from texts that come back from Tencent or from the HTTP stack.

use std::collections::HashSet;

/// The shortest part of a secret that counts as an echo of it, in bytes. Fifteen bytes of a
/// `UserSig` of some two hundred, or of a secret key of 64, give nothing away.
const SHORTEST_PART: usize = 16;

const REDACTED: &[u8] = b"[redacted]";

/// `text` with every echo of a secret replaced by `[redacted]`: of the whole secret, or of a part
/// of 16 bytes or more, any byte of which may be percent-encoded, once or several times over. The
/// case of letters is ignored, as a key in hexadecimal is the same key in either.
pub(super) fn redact(text: &str, secrets: &[&str]) -> String {
    let text = text.as_bytes();
    let mut is_hidden = vec![false; text.len()];
    for secret in secrets {
        hide_echoes(text, secret.as_bytes(), &mut is_hidden);
    }
    let mut clean = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        if !is_hidden[at] {
            clean.push(byte);
        } else if at == 0 || !is_hidden[at - 1] {
            clean.extend_from_slice(REDACTED);
        }
    }
    // An echo may begin or end inside a character of several bytes; what is left of it is dropped
    // for the replacement character.
    String::from_utf8_lossy(&clean).into_owned()
}

/// Tries every byte as the beginning of an echo, because a `%` before an echo must not swallow
/// the echo's first two characters as if they were the digits of an escape.
fn hide_echoes(text: &[u8], secret: &[u8], is_hidden: &mut [bool]) {
    let secret: Vec<u8> = decoded(secret, 0).map(|(byte, _)| byte).collect();
    let width = secret.len().min(SHORTEST_PART);
    if width == 0 {
        return;
    }
    let parts: HashSet<&[u8]> = secret.windows(width).collect();
    let mut candidate = Vec::with_capacity(width);
    for start in 0..text.len() {
        candidate.clear();
        let mut end = start;
        for (byte, next) in decoded(text, start).take(width) {
            candidate.push(byte);
            end = next;
        }
        if parts.contains(candidate.as_slice()) {
            is_hidden[start..end].fill(true);
        }
    }
}

/// The bytes that `text` stands for from `start` on, in lower case, each with where it ends.
fn decoded(text: &[u8], start: usize) -> impl Iterator<Item = (u8, usize)> {
    let mut at = start;
    std::iter::from_fn(move || {
        let &byte = text.get(at)?;
        let escaped = if byte == b'%' {
            escape(text, at + 1)
        } else {
            None
        };
        let (byte, next) = escaped.unwrap_or((byte, at + 1));
        at = next;
        Some((byte.to_ascii_lowercase(), next))
    })
}

/// The byte of the escape whose digits begin at `at`. `%252A` is `%2A` encoded once more.
fn escape(text: &[u8], mut at: usize) -> Option<(u8, usize)> {
    while text[at..].starts_with(b"25") && hexadecimal(text, at + 2).is_some() {
        at += 2;
    }
    hexadecimal(text, at).map(|byte| (byte, at + 2))
}

fn hexadecimal(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

    #[test]
    fn an_echo_is_removed_and_the_rest_stays() {
        let text = format!("bad sig ({KEY}) for admin, {}", KEY.to_uppercase());
        assert_eq!(
            redact(&text, &[KEY]),
            "bad sig ([redacted]) for admin, [redacted]"
        );
        assert_eq!(
            redact("UserSig is wrong", &[KEY, "abc"]),
            "UserSig is wrong"
        );
        assert_eq!(redact("nothing", &[""]), "nothing");
    }

    #[test]
    fn a_part_of_sixteen_bytes_is_an_echo_and_fifteen_are_none() {
        assert_eq!(redact(&KEY[20..36], &[KEY]), "[redacted]");
        assert_eq!(redact(&KEY[20..35], &[KEY]), &KEY[20..35]);
        assert_eq!(redact("is 'short'", &["short"]), "is '[redacted]'");
    }

    #[test]
    fn a_percent_sign_before_an_echo_does_not_hide_it() {
        assert_eq!(redact(&format!("%{}", &KEY[..16]), &[KEY]), "%[redacted]");
    }

    #[test]
    fn a_percent_sign_that_may_belong_to_an_echo_goes_with_it() {
        let secret = "30ab-cdef-ghij-klmn-op";
        assert_eq!(redact(&format!("%{secret}"), &[secret]), "[redacted]");
    }

    #[test]
    fn an_echo_that_was_encoded_twice_is_one() {
        let secret = "eJ*rVgrx*CdYrSy1*SslJQ";
        let twice = secret.replace('*', "%252a");
        assert_eq!(redact(&twice, &[secret]), "[redacted]");
    }

    #[test]
    fn secrets_that_are_not_ascii_or_hold_percent_signs_are_found() {
        let secret = "клю%41ч-ключ-ключ";
        for echo in [secret, "%D0%BA%d0%bb%d1%8e%2541%D1%87-ключ-ключ"] {
            assert_eq!(redact(&format!("<{echo}>"), &[secret]), "<[redacted]>");
        }
    }

    fn encode(part: &str, how: &[u8]) -> String {
        let encoded = part
            .bytes()
            .zip(how.iter().cycle())
            .map(|(byte, how)| match how {
                0 => format!("%{byte:02X}"),
                1 => format!("%{byte:02x}"),
                2 => format!("%25{byte:02X}"),
                _ => char::from(byte).to_string(),
            });
        encoded.collect()
    }

    proptest! {
        #[test]
        fn every_echo_of_a_usersig_goes_however_it_is_written(
            secret in "[A-Za-z0-9*_-]{16,250}",
            from in any::<prop::sample::Index>(),
            length in any::<prop::sample::Index>(),
            how in prop::collection::vec(0_u8..8, 1..20),
            before in "[ %.:é\n=]{0,20}",
            after in "[ %.:é\n&]{0,20}",
        ) {
            let from = from.index(secret.len() - SHORTEST_PART + 1);
            let length = SHORTEST_PART + length.index(secret.len() - from - SHORTEST_PART + 1);
            let echo = encode(&secret[from..from + length], &how);
            let clean = redact(&format!("{before}{echo}{after}"), &[&secret]);
            // A `%` and two digits of the secret may read as an escape of the second digit.
            let with_percent = before.strip_suffix('%').unwrap_or(&before);
            let may_be = [&*before, with_percent].map(|before| format!("{before}[redacted]{after}"));
            prop_assert!(may_be.contains(&clean), "{:?} is none of {:?}", clean, may_be);
        }

        #[test]
        fn any_text_without_an_echo_stays_as_it_is(text in any::<String>(), secret in "[*]{16,40}") {
            prop_assert_eq!(redact(&text, &[&secret]), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[%25aé]{0,60}", secret in "[%25aé]{0,30}") {
            let clean = redact(&format!("{text}{secret}"), &[&secret]);
            prop_assert!(secret.is_empty() || clean.ends_with("[redacted]"));
        }
    }
}
