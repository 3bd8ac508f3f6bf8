//! Seals that were changed, removed, or made anew.

use uuid::Uuid;

use super::forge::{Signer, one_more_seal, reseal};
use super::{Evidence, OTHER_SEED, Recorded, SEED, finding};
use crate::record::leaves::action_leaf;

/// Another reason, with the hash that it makes.
fn change(id: Uuid) -> String {
    let leaf = action_leaf();
    format!(
        "update audit.action set reason = 'kindness' where id = '{id}';
         update audit.action set leaf_hash = {leaf} where id = '{id}'"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_was_changed_or_removed_is_named() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    let last = copy.number("select max(no) from audit.seal").await;
    let two = "select no from audit.seal where n > 1 and no > 1 limit 1";
    let two = copy.number(two).await;
    let middle = 2;
    let update = |set: &str, no: i64| format!("update audit.seal set {set} where no = {no}");
    let (content, of_two) = ("its head is not that of its content", two);
    for (what, statement, no, wrong) in [
        ("a seal", "delete from audit.seal where no = 2".to_owned(), middle, "missing"),
        ("the first seal", "delete from audit.seal where no = 1".to_owned(), 1, "missing"),
        (
            "two leaves",
            update(
                "leaves = substr(leaves, 52, 51) || substr(leaves, 1, 51) || substr(leaves, 103)",
                of_two,
            ),
            of_two,
            content,
        ),
        ("a leaf", update("leaves = substr(leaves, 52), n = n - 1", of_two), of_two, content),
        ("a row's hash", update("leaves = set_byte(leaves, 50, get_byte(leaves, 50) # 1)", of_two), of_two, content),
        ("a refusal", update("leaves = set_byte(leaves, 0, get_byte(leaves, 0) # 32)", of_two), of_two, content),
        ("when", update("sealed_at = sealed_at + interval '1 us'", middle), middle, content),
        ("the epoch", update("epoch = 2", last), last, content),
        ("the head", update("head = sha256('')", middle), middle, content),
        ("what it follows", update("prev = sha256('')", middle), middle, "does not follow seal 1"),
        ("the signature", update("signature = set_byte(signature, 63, get_byte(signature, 63) # 1)", last), last,
         "the signature is wrong"),
        ("the signature to another's", update("signature = (select signature from audit.seal where no = 1)", last), last,
         "the signature is wrong"),
        ("the key's id", update("key_id = '0123456789abcdef'", last), last, "signed by an unknown key"),
        ("no signature", update("signature = null, key_id = null", last), last, "not signed, though an earlier seal is"),
        (
            "two seals",
            "update audit.seal set no = -no where no in (2, 3); update audit.seal set no = 5 + no where no < 0".to_owned(),
            2,
            content,
        ),
    ] {
        let mut copy = recorded.copy().await;
        copy.run(&statement).await;
        let wrong = finding(format!("seal {no}"), wrong);
        copy.verdicts(recorded.key()).assert_at_least_found(what, &[wrong]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_that_were_made_anew_do_not_pass_for_those_of_the_key() {
    let recorded = Recorded::shared().await;
    let succeeded = recorded.actions.succeeded;
    let change = change(succeeded);
    let other = Signer::new(OTHER_SEED);
    let mut posing = Signer::new(OTHER_SEED);
    posing.key_id = Signer::new(SEED).key_id;
    let mut copy = recorded.copy().await;
    let from = copy.seal_of(succeeded, 0).await.max(2);
    for (what, from, signer, wrong) in [
        (
            "with another key",
            1,
            Some(&other),
            "signed by an unknown key",
        ),
        (
            "with another key from there on",
            from,
            Some(&other),
            "signed by an unknown key",
        ),
        (
            "in the key's name",
            from,
            Some(&posing),
            "the signature is wrong",
        ),
        (
            "without a key",
            from,
            None,
            "not signed, though an earlier seal is",
        ),
    ] {
        let mut copy = recorded.copy().await;
        copy.run(&change).await;
        reseal(&mut copy.sql, from, signer).await;
        let wrong = finding(format!("seal {from}"), wrong);
        copy.verdicts(recorded.key())
            .assert_at_least_found(what, &[wrong]);
    }
    let mut copy = recorded.copy().await;
    copy.run(&change).await;
    copy.run("update audit.action set mac = null; update audit.event set mac = null")
        .await;
    reseal(&mut copy.sql, 1, None).await;
    let last = copy.number("select max(no) from audit.seal").await;
    let wrong = finding(format!("seal {last}"), "not signed, though there is a key");
    copy.verdicts(recorded.key())
        .assert_found("all without a key", &[wrong]);

    for signer in [Some(&other), None] {
        let mut copy = recorded.copy().await;
        let no = one_more_seal(&mut copy.sql, signer).await;
        let wrong = signer.map_or(
            "not signed, though an earlier seal is",
            |_| "signed by an unknown key",
        );
        let wrong = finding(format!("seal {no}"), wrong);
        copy.verdicts(recorded.key())
            .assert_found("one more seal", &[wrong]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_key_is_found_by_a_head_that_was_kept_outside() {
    let recorded = Recorded::shared().await;
    let succeeded = recorded.actions.succeeded;
    let change = change(succeeded);
    let key = Signer::new(SEED);
    for signer in [Some(&key), None] {
        let mut copy = recorded.copy().await;
        copy.run(&change).await;
        let no = copy.seal_of(succeeded, 0).await;
        reseal(&mut copy.sql, 1, signer).await;
        // All there is agrees, as it did before.
        copy.verdicts(Evidence::default())
            .assert_intact("made anew");
        let heads = Evidence {
            public_key: None,
            ..recorded.key_and_heads()
        };
        let wrong = finding(
            format!("seal {no}"),
            "its head differs from the one kept outside",
        );
        copy.verdicts(heads)
            .assert_at_least_found("made anew", &[wrong]);
    }
}
