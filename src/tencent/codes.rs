//! Tencent's error codes.

use crate::domain::{Api, Class};

/// What an `ErrorCode` other than 0 of this API means for the action.
pub fn class_of(api: &Api, error_code: i64) -> Class {
    let own = api.codes.iter().find(|(code, _)| *code == error_code);
    own.map_or_else(|| common_class_of(error_code), |(_, class)| *class)
}

/// What an `ErrorCode` other than 0 means where its API does not say otherwise. The codes are those of the two kicks'
/// own pages and of the common tables (Error Codes, products 647 and 1047); the classes are the
/// gateway's judgement. A code that no table lists is [`Class::Unlisted`], and so is 0, which is
/// no error.
pub(super) const fn common_class_of(error_code: i64) -> Class {
    match error_code {
        10_004 | 10_005 | 10_012 | 70_206 | 70_399 | 70_402 | 90_001 | 90_003 | 90_011
        | 100_002 | 100_009 | 100_015 | 100_019 | 100_500 | 100_501 | 100_502 | 100_503
        | 100_504 | 30_001 | 90_008 | 90_054 | 130_001 | 130_002 | 130_003 | 130_004 | 130_005
        | 130_008 => Class::Caller,
        10_010 | 10_015 | 10_019 | 10_030 | 20_022 | 30_003 | 70_107 | 90_048 | 100_004
        | 100_251 => Class::NotFound,
        10_007 | 10_009 | 10_016 | 10_031 | 10_032 | 10_033 | 10_041 | 20_023 | 30_013
        | 100_003 | 100_005 | 100_008 | 100_010 | 100_011 | 100_016 | 100_017 | 100_018
        | 100_020 | 100_102 | 100_200 | 100_201 | 100_202 | 100_203 | 100_204 | 100_205
        | 100_206 | 100_210 | 100_211 | 100_400 | 100_401 | 100_402 | 100_403 | 100_404
        | 100_411 | 100_412 | 100_414 | 100_415 | 100_416 | 100_419 | 100_420 | 100_421 => {
            Class::Conflict
        }
        10_006 | 60_007 | 60_011 | 60_018 | 60_019 | 60_028 | 70_114 | 72_010 | 100_012
        | 100_405 | 100_413 | 100_422 => Class::RateLimit,
        10_001 | 30_004 | 60_004 | 60_005 | 60_010 | 60_025 | 70_001 | 70_002 | 70_003 | 70_005
        | 70_009 | 70_013 | 70_014 | 70_051 | 70_101 | 70_346 | 70_403 | 90_009 | 100_006 => {
            Class::Credential
        }
        70_050 => Class::CredentialLockout,
        10_026 | 10_059 | 30_002 | 60_006 | 60_016 | 60_017 | 60_020 | 60_021 | 60_026 | 60_027
        | 70_016 | 70_020 | 70_398 | 70_404 | 71_000 | 72_000 | 72_001 | 72_002 | 72_011
        | 72_012 | 100_007 | 100_013 => Class::Config,
        10_003 | 10_011 | 60_002 | 60_003 | 60_009 | 60_012 | 60_015 => Class::GatewayBug,
        10_002 | 30_006 | 30_007 | 30_008 | 40_006 | 60_013 | 60_014 | 70_169 | 70_202 | 70_500
        | 90_992 | 90_994 | 90_995 | 91_000 | 100_001 | 130_014 => Class::Transient,
        60_008 => Class::TransientAmbiguous,
        _ => Class::Unlisted,
    }
}

/// Whether the signature itself is refused, and will be for the next call too.
pub const fn is_about_the_signature(error_code: i64) -> bool {
    matches!(
        error_code,
        70_001..=70_005 | 70_009 | 70_013 | 70_014 | 70_101 | 60_004 | 60_005 | 60_025
    )
}

/// Whether it says that a quota of the day is used up.
pub const fn is_quota_of_the_day(error_code: i64) -> bool {
    error_code == 60_028
}

/// Whether a `UserSig` that is made anew may cure it, so that one more try is worth it.
pub const fn is_resigned_once(error_code: i64) -> bool {
    matches!(
        error_code,
        60_004 | 60_005 | 60_025 | 70_001 | 70_002 | 70_003 | 70_005 | 70_101
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const TABLE: &str = include_str!("../../tests/it/data/tencent_error_codes.json");

    fn table() -> Vec<(i64, String)> {
        let table: Value = serde_json::from_str(TABLE).unwrap();
        let codes = table["codes"].as_array().unwrap().iter();
        codes
            .map(|row| {
                (
                    row["code"].as_i64().unwrap(),
                    row["class"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn every_code_of_the_table_has_the_class_of_the_table() {
        let table = table();
        assert_eq!(table.len(), 156);
        for (code, class) in table {
            assert_eq!(common_class_of(code).as_str(), class, "{code}");
        }
    }

    #[test]
    fn every_other_code_is_unlisted() {
        let listed: Vec<i64> = table().into_iter().map(|(code, _)| code).collect();
        let others = (-5_000..200_000).chain([i64::MIN, i64::MAX]);
        for code in others.filter(|code| !listed.contains(code)) {
            assert_eq!(common_class_of(code), Class::Unlisted, "{code}");
        }
    }
}
