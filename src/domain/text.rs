//! Texts with a rule. A value of one of these types has passed its rule; there is no other way in.

use std::fmt;

/// A text broke its rule; displays the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub &'static str);

/// What [`is_identifier`] lets pass, at any length.
const IDENTIFIER: &str = "^[!-~]([ -~]*[!-~])?$";

/// What [`is_readable`] lets pass.
const READABLE: &str = r"^[^\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]*$";

/// The same, with something that is no white space in it.
const READABLE_AND_NOT_BLANK: &str = concat!(
    r"^[^\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]*",
    r"[^\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028-\u202F\u205F\u2066-\u2069\u3000]",
    r"[^\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]*$",
);

macro_rules! ruled_text {
    ($(#[$doc:meta])* $name:ident, $longest:literal, $pattern:expr, $rule:literal, $holds:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The rule, as the moderator reads it when it is broken.
            pub const RULE: &'static str = $rule;

            /// The most characters that it can have.
            pub const LONGEST: usize = $longest;

            /// What it looks like, as a regular expression that every language understands. Together with
            /// [`Self::LONGEST`] it says the same as the rule, for ASCII.
            pub const PATTERN: &'static str = $pattern;

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Violation;

            fn try_from(text: String) -> Result<Self, Violation> {
                let holds: fn(&str) -> bool = $holds;
                if holds(&text) { Ok(Self(text)) } else { Err(Violation(Self::RULE)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

ruled_text! {
    /// A Tencent Chat `UserID` (`Member_Account` in the room engine): at most 32 bytes
    /// (account import and usage limit pages, product 1047).
    UserId, 32, IDENTIFIER,
    "must be 1 to 32 bytes of printable ASCII without outer spaces",
    |text| is_identifier(text, Self::LONGEST)
}

ruled_text! {
    /// A room engine `RoomId`: at most 48 bytes (`create_room`, product 647).
    RoomId, 48, IDENTIFIER,
    "must be 1 to 48 bytes of printable ASCII without outer spaces",
    |text| is_identifier(text, Self::LONGEST)
}

ruled_text! {
    /// `Data` of a seat kick: shown to the user who is kicked off the seat. Tencent documents no
    /// limit; 1000 bytes is that of the sibling `Reason` fields.
    Data, 1000, READABLE,
    "must be at most 1000 bytes without control characters other than newline and tab, and without those that reorder text (U+202A to U+202E, U+2066 to U+2069)",
    |text| text.len() <= Self::LONGEST && is_readable(text)
}

ruled_text! {
    /// Why the moderator acts. Stays in the record; Tencent never sees it.
    Reason, 500, READABLE_AND_NOT_BLANK,
    "must be 1 to 500 characters without control characters other than newline and tab, and without those that reorder text (U+202A to U+202E, U+2066 to U+2069)",
    |text| (1..=Self::LONGEST).contains(&text.chars().count()) && is_readable(text) && !text.trim().is_empty()
}

ruled_text! {
    /// The moderation case an action belongs to, in the numbering of the caller's own system.
    CaseRef, 64, IDENTIFIER,
    "must be 1 to 64 printable ASCII characters without outer spaces",
    |text| is_identifier(text, Self::LONGEST)
}

ruled_text! {
    /// An `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07), without its quotes.
    IdempotencyKey, 255, "^[A-Za-z0-9_-]+$",
    "must be 1 to 255 of the characters A-Z, a-z, 0-9, _ and -, quoted or bare",
    |text| (1..=Self::LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn is_identifier(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

fn is_readable(text: &str) -> bool {
    text.chars()
        .all(|character| matches!(character, '\n' | '\t') || !is_control(character))
}

/// Control characters, and the Unicode controls that reorder the text around them (embeddings,
/// overrides and isolates, UAX 9): both make a line read as something it is not. The plain
/// direction marks that Arabic and Hebrew need are not among them.
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Makes a text from outside (a header, a claim, an answer of Tencent's) fit to be stored and
/// logged: control characters become U+FFFD, and it is cut to `longest` characters.
pub fn printable(text: &str, longest: usize) -> String {
    text.chars()
        .take(longest)
        .map(|character| {
            if is_control(character) {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user_id(text: &str) -> Result<UserId, Violation> {
        UserId::try_from(text.to_owned())
    }

    #[test]
    fn identifiers_hold_their_rule_at_the_edges() {
        assert!(user_id("a").is_ok());
        assert!(user_id(&"a".repeat(32)).is_ok());
        assert!(user_id("a b~!").is_ok());
        for bad in [
            "",
            " a",
            "a ",
            "a\n",
            "a\0",
            "é",
            "\u{202e}a",
            &"a".repeat(33),
        ] {
            assert_eq!(user_id(bad), Err(Violation(UserId::RULE)), "{bad:?}");
        }
    }

    #[test]
    fn texts_may_hold_newlines_but_nothing_that_hides_or_reorders() {
        assert!(Data::try_from(String::new()).is_ok());
        assert!(Data::try_from("time over\n\tsorry שלום\u{200f}".to_owned()).is_ok());
        assert!(Data::try_from("é".repeat(501)).is_err());
        assert!(Reason::try_from("é".repeat(500)).is_ok());
        for bad in [
            "",
            "  ",
            "a\u{7}",
            "a\0b",
            "a\u{85}",
            "\u{202e}evil",
            "\u{2066}x",
        ] {
            assert!(Reason::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    macro_rules! assert_patterns_agree {
        ($text:expr, $($name:ident)+) => {$(
            let pattern = regex::Regex::new($name::PATTERN).expect("it is a regular expression");
            let matches = pattern.is_match($text) && $text.chars().count() <= $name::LONGEST;
            // That a byte counts and not a character is what JSON Schema cannot say.
            if $text.is_ascii() || $text.len() <= $name::LONGEST {
                prop_assert_eq!($name::try_from($text.clone()).is_ok(), matches, "{}", $name::RULE);
            }
            prop_assert!($name::RULE.contains(&$name::LONGEST.to_string()));
        )+};
    }

    proptest! {
        #[test]
        fn pattern_and_length_say_what_the_rule_says(
            text in "[ -~]{0,70}|[A-Za-z0-9_-]{250,260}|[\\s\\x00-\\x1F\\x80-\\xA0]{0,3}|\\PC{0,9}|[ a]{490,510}|[ a]{990,1010}\
                     |[\u{2000}-\u{206F}\u{3000}]{1,2}a?"
        ) {
            assert_patterns_agree!(&text, UserId RoomId Data Reason CaseRef IdempotencyKey);
        }

        #[test]
        fn an_accepted_text_comes_out_as_it_went_in(text in "\\PC{0,70}") {
            if let Ok(user_id) = UserId::try_from(text.clone()) {
                prop_assert_eq!(user_id.as_str(), text.as_str());
                prop_assert!(text.len() <= 32);
            }
        }

        #[test]
        fn printable_text_holds_no_control_character(text in any::<String>(), longest in 0_usize..40) {
            let cleaned = printable(&text, longest);
            prop_assert!(cleaned.chars().count() <= longest);
            prop_assert!(!cleaned.chars().any(char::is_control));
        }
    }
}
