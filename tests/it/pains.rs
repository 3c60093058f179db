//! What users of other license servers complain about, each with the tests that show it answered here. A test that is
//! renamed or gone fails here, so that no pain comes back unseen.

use std::path::Path;

/// A pain, and the tests that answer it: the file, and the function in it.
type Pain = (&'static str, &'static [(&'static str, &'static str)]);

const PAINS: [Pain; 15] = [
    (
        "the license server is down, so the product is down",
        &[
            ("crates/signet-verify/src/lease_tests.rs", "time_decides_to_the_second"),
            ("tests/it/activation/leases.rs", "a_machine_that_was_away_for_long_renews_as_if_nothing_had_been"),
            ("tests/it/executable/client/mod.rs", "an_activated_machine_runs_on_when_the_service_is_gone"),
            (
                "tests/it/executable/client/mod.rs",
                "a_lease_that_is_due_needs_no_service_then_grace_warns_and_the_end_stops",
            ),
        ],
    ),
    (
        "a definite no cannot be told from a failure that passes",
        &[
            ("tests/it/software/answers.rs", "every_refusal_has_its_status_and_is_signed"),
            ("tests/it/software/answers.rs", "a_floating_seat_that_went_back_is_no_definite_no"),
            ("tests/it/software/refused.rs", "what_no_machine_says_is_refused_sqlite"),
            ("tests/it/software/limits.rs", "a_license_has_one_bucket_whatever_is_shown"),
            ("tests/it/executable/client/mod.rs", "an_unsigned_refusal_stops_nobody"),
            (
                "tests/it/executable/client/mod.rs",
                "a_signed_refusal_stops_at_once_and_until_the_service_says_otherwise",
            ),
        ],
    ),
    (
        "fingerprints change in containers and virtual machines",
        &[
            ("crates/signet-verify/src/lease_tests.rs", "another_machine_stops_and_a_changed_part_does_not"),
            ("tests/it/activation/seats.rs", "a_renewal_from_another_machine_is_refused_and_a_repaired_one_is_known"),
            ("tests/it/executable/client/mod.rs", "a_restarted_container_with_an_operators_id_keeps_its_seat"),
        ],
    ),
    (
        "every restart eats an activation, and lost machines keep their seats",
        &[
            ("tests/it/activation/seats.rs", "containers_that_start_again_keep_their_seat_by_the_operators_id"),
            ("tests/it/activation/seats.rs", "a_container_without_an_operators_id_is_warned"),
            ("tests/it/software/answers.rs", "the_merchant_sees_and_frees_the_machines"),
            ("tests/it/software/answers.rs", "a_machine_is_activated_renewed_and_given_back"),
            ("tests/it/customer/page.rs", "a_customer_frees_a_seat_and_another_machine_takes_it"),
        ],
    ),
    (
        "activating the same machine again is an error or a second seat",
        &[
            ("tests/it/activation/seats.rs", "the_same_machine_again_is_the_same_activation"),
            ("tests/it/software/races.rs", "one_machine_that_asks_fifty_times_at_once_has_one_seat"),
        ],
    ),
    (
        "there is no way without network, or a clumsy one",
        &[
            ("tests/it/software/files.rs", "a_machine_without_network_is_activated_by_its_request_text"),
            ("tests/it/software/files.rs", "a_typing_error_in_a_request_text_is_named_by_its_line_sqlite"),
            ("tests/it/software/files.rs", "a_license_file_is_what_is_saved"),
            ("tests/it/executable/client/air_gap.rs", "a_machine_without_network_is_activated_by_two_texts"),
            (
                "tests/it/executable/client/air_gap.rs",
                "a_file_made_after_a_signed_no_lifts_it_and_an_older_one_does_not",
            ),
        ],
    ),
    (
        "a leaked or refunded code that works offline cannot be revoked",
        &[
            ("tests/it/revocations/entries.rs", "a_release_is_listed_and_a_freeze_is_not"),
            ("tests/it/revocations/fetching.rs", "who_saw_another_history_gets_the_whole_list"),
            ("tests/it/revocations/entries.rs", "a_refunded_renewal_lists_the_code_that_carries_the_later_end"),
            ("crates/signet-verify/src/lease_tests.rs", "what_was_revoked_stops_before_everything_else"),
            ("tests/it/executable/client/air_gap.rs", "a_revocation_that_was_carried_over_ends_a_lease"),
        ],
    ),
    (
        "the user can put another key in the place of the trusted one",
        &[
            ("crates/signet-verify/src/keys_tests.rs", "lower_numbers_other_products_and_other_roots_are_refused"),
            ("crates/signet-verify/src/keys_tests.rs", "a_signing_key_cannot_pose_as_the_root"),
            ("tests/it/software/answers.rs", "a_forged_answer_is_detected"),
            ("tests/it/executable/client/mod.rs", "another_root_is_refused_before_anything_is_stored_and_after"),
        ],
    ),
    (
        "a renewal makes another key, or is not noticed without a restart",
        &[
            ("tests/it/activation/leases.rs", "a_renewal_brings_the_license_as_it_is_now"),
            ("tests/it/software/limits.rs", "renewals_of_known_machines_do_not_count_for_their_address"),
            ("tests/it/executable/client/mod.rs", "a_lease_is_renewed_when_due_and_brings_the_renewed_license_along"),
        ],
    ),
    (
        "a license ends silently, or its end means nothing",
        &[
            ("tests/it/activation/leases.rs", "no_lease_outlives_the_license_and_its_slack"),
            ("crates/signet-verify/src/lease_tests.rs", "time_decides_to_the_second"),
            ("tests/it/executable/client/mod.rs", "the_licenses_coming_end_is_announced"),
        ],
    ),
    (
        "orders are fulfilled twice, not at all, or refused as duplicates",
        &[
            ("tests/it/license1/purchase.rs", "fifty_parallel_deliveries_make_one_license"),
            ("tests/it/license1/purchase.rs", "a_repeat_with_a_new_business_id_is_answered_byte_for_byte_alike"),
        ],
    ),
    (
        "hosting it oneself is hard and half described",
        &[
            ("tests/it/executable/cli.rs", "the_demo_plays_everything_and_exits_with_0"),
            ("src/config/tests.rs", "the_documents_name_every_setting_and_its_default"),
            ("tests/it/executable/described.rs", "the_document_tells_all_that_the_service_answers_sqlite"),
        ],
    ),
    (
        "floating seats surprise: machines are dropped, crashed ones keep theirs",
        &[
            ("tests/it/activation/leases.rs", "a_floating_seat_goes_back_when_its_lease_ends"),
            ("tests/it/activation/leases.rs", "a_floating_seat_can_be_borrowed_for_a_journey"),
            ("tests/it/software/answers.rs", "a_floating_seat_that_went_back_is_no_definite_no"),
        ],
    ),
    (
        "nothing stops abuse",
        &[
            ("tests/it/activation/bounds.rs", "a_license_that_keeps_hitting_its_limit_is_seen_by_the_merchant"),
            ("tests/it/activation/bounds.rs", "a_seat_does_not_walk_to_other_machines_part_by_part"),
            ("tests/it/software/answers.rs", "a_machine_that_comes_and_goes_is_told_to_wait"),
            ("tests/it/software/limits.rs", "guessing_keys_is_limited_by_address"),
            ("tests/it/software/limits.rs", "a_forged_forwarded_for_changes_nothing"),
        ],
    ),
    (
        "the clock decides, and the clock can be turned back",
        &[
            ("crates/signet-verify/src/clock_tests.rs", "only_signed_times_move_the_mark_and_only_forward"),
            ("crates/signet-verify/src/lease_tests.rs", "a_clock_turned_back_gains_nothing_and_asks"),
            ("tests/it/executable/client/mod.rs", "a_clock_turned_back_is_told_and_needs_the_service"),
        ],
    ),
];

#[test]
fn every_pain_is_answered_by_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (pain, tests) in PAINS {
        assert!(!tests.is_empty(), "{pain}");
        for (file, test) in tests {
            let source = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let (before, _) =
                source.split_once(&format!("fn {test}(")).unwrap_or_else(|| panic!("{pain}: {file} {test}"));
            let attributes = before.rsplit("\n\n").next().unwrap_or_default();
            assert!(
                attributes.contains("#[test]") || attributes.contains("#[tokio::test"),
                "{file}: {test} is no test"
            );
        }
    }
}
