//! The end of the record, cut off: the one thing that only a head kept outside shows.

use super::{Recorded, finding};

/// Removes the seals from `$1` on with all of their rows.
pub(super) const CUT: &str = "
    do $$ declare entry bytea; begin
        for entry in select substr(leaves, at * 51 + 1, 51)
                     from audit.seal, generate_series(0, n - 1) as at where no >= FROM loop
            delete from audit.action where uuid_send(id) || '\\x0000' = substr(entry, 2, 18);
            delete from audit.event where uuid_send(action_id) || int2send(rev) = substr(entry, 2, 18);
        end loop;
        delete from audit.seal where no >= FROM;
    end $$";

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_end_is_unseen_without_a_kept_head_and_found_with_one() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    copy.verdicts(recorded.key_and_heads())
        .assert_intact("all of the heads");
    let seals = copy.number("select max(no) from audit.seal").await;
    let rows = "select (select count(*) from audit.action) + (select count(*) from audit.event)";
    let before = copy.number(rows).await;
    for from in [seals, 3, 1] {
        let mut copy = recorded.copy().await;
        copy.run(&CUT.replace("FROM", &from.to_string())).await;
        let left = copy.number(rows).await;
        assert!(
            left < before && (left > 0) == (from > 1),
            "{left} of {before} rows from {from} on"
        );
        // Nothing to check is not intact.
        let nothing = finding("record", "holds no seal, though there is a key");
        if from > 1 {
            copy.verdicts(recorded.key())
                .assert_intact("without the heads");
        } else {
            copy.verdicts(recorded.key())
                .assert_found("without the heads", std::slice::from_ref(&nothing));
        }
        let cut: Vec<_> = (from..=seals)
            .map(|no| {
                finding(
                    format!("seal {no}"),
                    "kept outside, but not in the record (cut off)",
                )
            })
            .chain((from == 1).then_some(nothing))
            .collect();
        copy.verdicts(recorded.key_and_heads())
            .assert_found("with the heads", &cut);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_alone_that_was_cut_off_leaves_rows_that_are_in_none() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    let seals = copy.number("select max(no) from audit.seal").await;
    copy.run(&format!("delete from audit.seal where no = {seals}"))
        .await;
    let cut = finding(
        format!("seal {seals}"),
        "kept outside, but not in the record (cut off)",
    );
    copy.verdicts(recorded.key_and_heads())
        .assert_found("the last seal", &[cut]);
}
