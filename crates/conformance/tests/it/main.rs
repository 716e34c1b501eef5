//! The suite tries an adapter that is right, and one that is wrong in one way for each case: a case that cannot fail is none.
#![expect(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod example;

use std::collections::BTreeSet;

use example::{ExampleSubject, Wrong};
use slipway_conformance::{Deviation, Verdict, case_names, run, run_only};

/// What is wrong, and the case that must see it.
const TABLE: &[(Wrong, &str)] = &[
    (Wrong::ListsApplicationsTwice, "paging/every_application_once"),
    (Wrong::ListsOldestFirst, "paging/every_deployment_once_newest_first"),
    (Wrong::SendsForeignTokens, "paging/foreign_page_token"),
    (Wrong::ForgetsNames, "get/application_as_listed"),
    (Wrong::ReadsOthersThanListed, "get/deployment_as_listed"),
    (Wrong::FindsEverything, "get/unknown_is_not_found"),
    (Wrong::EndsTooEarly, "status/from_start_to_end"),
    (Wrong::TakesUnknownForFailed, "status/invented_is_unknown_and_counted"),
    (Wrong::HasNoTable, "status/table_is_documented"),
    (Wrong::InventsNoEnd, "times/ended_deployments_say_when"),
    (Wrong::EndsWhileRunning, "times/running_deployments_have_no_end"),
    (Wrong::TriggersTwice, "trigger/makes_one_deployment"),
    (Wrong::ClaimsOlder, "trigger/what_it_made_is_recognised"),
    (Wrong::FindsNoReference, "trigger/is_found_by_its_reference"),
    (Wrong::SendsBadRevisions, "trigger/bad_revision_is_refused"),
    (Wrong::PlansWithRequests, "trigger/plan_makes_no_request"),
    (Wrong::RedeploysTheNewest, "redeploy/deploys_the_same_revision"),
    (Wrong::RedeploysNobodyKnowsWhat, "redeploy/unknown_source_is_a_conflict"),
    (Wrong::RollsBackToTheNewest, "rollback/deploys_the_earlier_revision"),
    (Wrong::CancelsNothing, "cancel/stops_a_running_one"),
    (Wrong::CancelsOnce, "cancel/twice"),
    (Wrong::CancelsTheDead, "cancel/finished_is_a_conflict"),
    (Wrong::CutsLogs, "logs/grow_and_keep_their_beginning"),
    (Wrong::HasLogsOfNothing, "logs/unknown_is_not_found"),
    (Wrong::StreamsNoEnd, "stream/tells_how_a_deployment_goes"),
    (Wrong::StreamsLogsBackwards, "stream/logs_in_their_order"),
    (Wrong::OutlivesItsConnection, "stream/a_drop_is_an_end"),
    (Wrong::WaitsForEver, "stream/silence_is_an_error"),
    (Wrong::KeepsExpiredTokens, "stream/an_expired_token_is_replaced"),
    (Wrong::HintsElsewhere, "webhook/says_where_to_look"),
    (Wrong::TakesForeignWebhooks, "webhook/foreign_is_refused"),
    (Wrong::AsksWhenThrottled, "faults/throttled_is_left_alone"),
    (Wrong::TakesFailureForRefusal, "faults/down_is_unavailable"),
    (Wrong::TakesGarbageForNothing, "faults/garbage_is_not_understood"),
    (Wrong::TakesHalfForWhole, "faults/truncated_is_an_error"),
    (Wrong::StumblesOverNulls, "faults/null_fields_cost_only_themselves"),
    (Wrong::MistakesRefusals, "faults/refusals_have_their_kind"),
    (Wrong::DeniesWhatItDid, "faults/unanswered_write_is_left_open"),
    (Wrong::ClaimsWhatWasRefused, "faults/refused_write_is_not_done"),
    (Wrong::AsksForWhatIsNotOffered, "unsupported/no_request"),
    (Wrong::ShowsItsToken, "credentials/never_shown"),
    (Wrong::FollowsRedirects, "credentials/redirect_gets_no_token"),
    (Wrong::FollowsForeignLinks, "credentials/foreign_link_is_refused"),
];

fn subject(wrong: Option<Wrong>) -> ExampleSubject {
    ExampleSubject {
        // What is not offered can only be wrong in an adapter that offers nothing.
        offers_everything: wrong != Some(Wrong::AsksForWhatIsNotOffered),
        wrong,
        deviations: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_right_passes_everything() {
    let report = run(&subject(None)).await;
    assert!(report.is_success(), "{report}");
    assert_eq!(report.passed(), case_names().len(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_offers_nothing_passes_what_is_left() {
    let nothing = ExampleSubject {
        offers_everything: false,
        ..subject(None)
    };
    let report = run(&nothing).await;
    assert!(report.is_success() && report.passed() > 15, "{report}");
    let skipped = report
        .outcomes
        .iter()
        .filter(|outcome| outcome.verdict == Verdict::NotApplicable);
    assert_eq!(skipped.count() + report.passed(), case_names().len());
}

#[test]
fn every_case_has_an_adapter_that_fails_it() {
    let cases: BTreeSet<_> = case_names().into_iter().collect();
    let failed: BTreeSet<_> = TABLE.iter().map(|(_, case)| *case).collect();
    assert_eq!(cases, failed);
}

#[tokio::test]
async fn each_way_of_being_wrong_fails_its_case() {
    let mut missed = Vec::new();
    for (wrong, case) in TABLE {
        // Only a real connection needs real time.
        let is_real = *wrong == Wrong::FollowsRedirects;
        if !is_real {
            tokio::time::pause();
        }
        let report = run_only(&subject(Some(*wrong)), case).await;
        if !is_real {
            tokio::time::resume();
        }
        if !matches!(
            report.outcomes.first().map(|outcome| &outcome.verdict),
            Some(Verdict::Failed(_))
        ) {
            missed.push(format!("{wrong:?}: {report}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test]
async fn a_declared_deviation_is_strict() {
    let deviating = |wrong, case| ExampleSubject {
        deviations: vec![Deviation {
            case,
            reason: "the platform is like that",
        }],
        ..subject(wrong)
    };
    let case = "logs/unknown_is_not_found";
    let report = run_only(&deviating(Some(Wrong::HasLogsOfNothing), case), case).await;
    assert!(report.is_success(), "{report}");
    assert!(
        report
            .to_string()
            .contains("deviates logs/unknown_is_not_found: the platform is like that")
    );
    let report = run_only(&deviating(None, case), case).await;
    assert!(!report.is_success(), "it passes, so it is no deviation: {report}");
    let report = run_only(&deviating(None, "logs/no_such_case"), case).await;
    assert!(!report.is_success(), "a deviation from nothing: {report}");
}
