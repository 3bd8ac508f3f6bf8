//! A place in the order of changes, and the text that stands for it outside.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// The first byte of the text, should its form ever change.
const FORM: u8 = 1;

const LENGTH: usize = 1 + 8 + 16 + 2;

/// A place in the order of changes: that of a row, or, with the nil id, that before all rows of a
/// transaction. As text it is opaque, the same at every replica, and safe in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub(super) xid: u64,
    pub(super) id: Uuid,
    /// 0 for the intent.
    pub(super) rev: i16,
}

/// The text does not stand for a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the text of a position")]
pub struct Unreadable;

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(FORM);
        bytes.extend_from_slice(&self.xid.to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.rev.to_be_bytes());
        formatter.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Position {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unreadable)?;
        let rest = bytes.strip_prefix(&[FORM]).ok_or(Unreadable)?;
        let (xid, rest) = rest.split_first_chunk().ok_or(Unreadable)?;
        let (id, rest) = rest.split_first_chunk().ok_or(Unreadable)?;
        let rev = i16::from_be_bytes(rest.try_into().map_err(|_| Unreadable)?);
        if rev < 0 {
            return Err(Unreadable);
        }
        Ok(Self {
            xid: u64::from_be_bytes(*xid),
            id: Uuid::from_bytes(*id),
            rev,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(xid: u64, id: u128, rev: i16) -> Position {
        Position {
            xid,
            id: Uuid::from_u128(id),
            rev,
        }
    }

    #[test]
    fn a_position_survives_as_text_and_nothing_else_is_taken_for_one() {
        let text = position(u64::MAX, 7, 3).to_string();
        assert_eq!(text.parse(), Ok(position(u64::MAX, 7, 3)));
        let other_form = URL_SAFE_NO_PAD.encode([2; LENGTH]);
        let negative = position(1, 1, -1).to_string();
        let long = format!("{text}AA");
        for garbage in [
            "",
            "1",
            "=",
            "é",
            &text[1..],
            &text[..35],
            &long,
            &other_form,
            &negative,
        ] {
            assert_eq!(garbage.parse::<Position>(), Err(Unreadable), "{garbage}");
        }
    }

    #[test]
    fn positions_are_ordered_by_transaction_then_action_then_rev() {
        let ordered = [
            position(1, 9, 9),
            position(2, 0, 0),
            position(2, 1, 0),
            position(2, 1, 1),
            position(2, 2, 0),
        ];
        assert!(ordered.is_sorted());
    }
}
