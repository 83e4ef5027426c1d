//! Number, fault, tests.

/// A fault, and what shows that it is survived.
#[derive(Debug)]
pub(super) struct Fault {
    /// Its name; gaps mean nothing.
    pub(super) number: &'static str,
    pub(super) what: &'static str,
    /// File and function of each test.
    pub(super) tests: &'static [(&'static str, &'static str)],
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        number: "F01",
        what: "crash at every boundary of the journal",
        tests: &[
            (
                "tests/boundaries/mod.rs",
                "killed_at_every_boundary_of_the_journal_a_deposit_is_made_once",
            ),
            (
                "tests/boundaries/mod.rs",
                "killed_at_every_boundary_of_the_journal_a_reshare_is_made_once",
            ),
            (
                "tests/boundaries/mod.rs",
                "killed_at_every_boundary_of_the_journal_an_exit_is_signed_once",
            ),
            (
                "src/core/oracle/sim/lives.rs",
                "everything_comes_to_its_end_whatever_happens",
            ),
        ],
    },
    Fault {
        number: "F02",
        what: "crash after signing, before sending",
        tests: &[
            (
                "tests/boundaries/mod.rs",
                "killed_at_every_boundary_of_the_journal_a_deposit_is_made_once",
            ),
            (
                "src/engine/launch/tests/ends.rs",
                "a_sending_that_never_answers_is_cut_off_and_the_next_start_sends_the_same_bytes",
            ),
        ],
    },
    Fault {
        number: "F03",
        what: "crash after sending, before its result is kept",
        tests: &[
            (
                "tests/boundaries/mod.rs",
                "killed_at_every_boundary_of_the_journal_a_deposit_is_made_once",
            ),
            (
                "tests/chain/tx.rs",
                "an_answer_that_is_lost_on_the_way_is_not_a_failure",
            ),
        ],
    },
    Fault {
        number: "F04",
        what: "crash during a ceremony",
        tests: &[
            (
                "tests/engine/unknown.rs",
                "a_result_behind_a_dead_messenger_is_used_when_it_is_back_even_after_a_restart",
            ),
            (
                "tests/ceremony/messenger.rs",
                "attached_again_a_finished_ceremony_gives_the_same_result",
            ),
            (
                "tests/ceremony/messenger.rs",
                "attached_again_a_ceremony_that_hangs_is_named_or_unknown_and_never_started",
            ),
        ],
    },
    Fault {
        number: "F05",
        what: "crash between an approval and its record",
        tests: &[
            (
                "tests/boundaries/mod.rs",
                "killed_at_every_boundary_of_the_journal_a_deposit_is_made_once",
            ),
            (
                "tests/engine/people.rs",
                "one_approves_at_a_console_and_one_with_a_key_and_neither_a_kill_nor_a_restart_loses_the_first",
            ),
        ],
    },
    Fault {
        number: "F06",
        what: "power cut: the last write is torn",
        tests: &[
            (
                "src/journal/tests.rs",
                "a_tail_torn_at_any_byte_loses_nothing_silently",
            ),
            (
                "tests/config/journal.rs",
                "f06_a_write_that_was_torn_is_told_by_the_program",
            ),
        ],
    },
    Fault {
        number: "F07",
        what: "request leaves the chain before approval",
        tests: &[
            (
                "tests/chain/intake.rs",
                "a_reorg_takes_a_request_back_and_its_return_tells_it_again",
            ),
            (
                "tests/chain/intake.rs",
                "a_reorg_deeper_than_memory_is_found_by_reading_again",
            ),
        ],
    },
    Fault {
        number: "F08",
        what: "request leaves the chain after approval",
        tests: &[
            (
                "tests/engine/deposits.rs",
                "a_request_that_leaves_the_chain_takes_its_approval_with_it",
            ),
            (
                "src/core/oracle/sim/found.rs",
                "f08_a_request_that_leaves_the_chain_takes_its_approval_with_it",
            ),
        ],
    },
    Fault {
        number: "F11",
        what: "the same log twice",
        tests: &[
            (
                "tests/chain/intake.rs",
                "a_log_that_a_node_leaves_out_is_found_in_the_receipts_and_a_repeated_one_is_told_once",
            ),
            (
                "src/core/oracle/sim/found.rs",
                "f11_a_request_that_is_told_twice_is_one_case",
            ),
        ],
    },
    Fault {
        number: "F13",
        what: "an endpoint leaves a log out",
        tests: &[
            (
                "tests/chain/intake.rs",
                "a_log_that_a_node_leaves_out_is_found_in_the_receipts_and_a_repeated_one_is_told_once",
            ),
            (
                "tests/chain/history.rs",
                "what_an_endpoint_leaves_out_is_found_and_named_whichever_it_is",
            ),
        ],
    },
    Fault {
        number: "F15",
        what: "an endpoint on another chain or fork",
        tests: &[
            (
                "tests/chain/rpc.rs",
                "an_endpoint_of_another_chain_is_excluded_by_name_also_when_it_changes_later",
            ),
            (
                "tests/chain/lies.rs",
                "an_endpoint_on_a_branch_of_its_own_takes_nothing_back",
            ),
        ],
    },
    Fault {
        number: "F17",
        what: "timeouts, trickling and half answers",
        tests: &[
            (
                "tests/chain/rpc.rs",
                "a_hanging_endpoint_is_passed_over_and_left_alone_after_three_failures",
            ),
            (
                "tests/chain/rpc.rs",
                "half_answers_other_ids_and_oversized_bodies_are_no_answers",
            ),
        ],
    },
    Fault {
        number: "F18",
        what: "429 and quotas",
        tests: &[
            (
                "tests/chain/rpc.rs",
                "a_rate_limit_is_waited_for_as_long_as_the_node_asks",
            ),
            ("tests/chain/intake.rs", "a_rate_limited_catch_up_still_ends"),
        ],
    },
    Fault {
        number: "F19",
        what: "limits of `eth_getLogs`",
        tests: &[
            (
                "tests/chain/intake.rs",
                "refused_ranges_are_halved_down_to_one_block_in_every_vendors_words",
            ),
            (
                "tests/chain/limits.rs",
                "every_vendors_limit_is_found_beside_a_dead_endpoint",
            ),
        ],
    },
    Fault {
        number: "F20",
        what: "a WebSocket drops, falls silent or garbles",
        tests: &[
            (
                "tests/chain/intake.rs",
                "the_socket_wakes_the_poller_and_its_end_is_told",
            ),
            (
                "tests/devnet/proxy/socket.rs",
                "a_socket_dies_in_silence_or_is_cut",
            ),
            ("tests/engine/hints.rs", "what_a_stream_says_is_not_believed"),
        ],
    },
    Fault {
        number: "F22",
        what: "refusals of transactions in 8 clients' words",
        tests: &[
            (
                "tests/chain/tx_rules.rs",
                "refusals_of_eight_clients_are_told_apart",
            ),
            (
                "tests/adversity/sends.rs",
                "a_deposit_is_sent_once_whatever_the_endpoints_say_to_it",
            ),
        ],
    },
    Fault {
        number: "F23",
        what: "underpriced and stuck",
        tests: &[
            (
                "tests/chain/tx.rs",
                "a_stuck_transaction_is_replaced_and_found_by_either_hash",
            ),
            (
                "tests/engine/stuck.rs",
                "beyond_the_ceiling_a_person_reads_what_each_way_on_costs",
            ),
        ],
    },
    Fault {
        number: "F24",
        what: "gas price jumps before sending",
        tests: &[
            (
                "tests/engine/stuck.rs",
                "a_price_that_jumps_after_the_decision_lets_nothing_leave_until_it_is_back",
            ),
            (
                "tests/chain/tx_rules.rs",
                "the_ways_on_from_a_tenfold_base_fee_are_priced",
            ),
            (
                "tests/engine/stuck.rs",
                "beyond_the_ceiling_a_person_reads_what_each_way_on_costs",
            ),
        ],
    },
    Fault {
        number: "F25",
        what: "reverted on chain",
        tests: &[
            (
                "tests/chain/tx.rs",
                "a_revert_on_chain_is_explained_and_its_gas_is_booked",
            ),
            ("tests/chain/contracts.rs", "reverts_are_put_in_words"),
        ],
    },
    Fault {
        number: "F27",
        what: "balance too low",
        tests: &[
            (
                "tests/engine/deposits.rs",
                "a_stranger_as_oracle_and_an_empty_account_block_approval",
            ),
            (
                "tests/engine/stuck.rs",
                "an_account_that_is_emptied_after_the_decision_lets_nothing_leave_until_it_is_filled",
            ),
        ],
    },
    Fault {
        number: "F28",
        what: "two instances for one account",
        tests: &[
            (
                "tests/config/start.rs",
                "a_second_oracle_for_an_account_is_told_of_the_first_whatever_its_journal",
            ),
            ("src/lock.rs", "the_second_is_told_who_holds_it"),
            (
                "tests/engine/strangers.rs",
                "an_empty_journal_for_an_account_with_a_past_sends_nothing_before_a_person_adopts_it",
            ),
            (
                "tests/engine/strangers.rs",
                "what_is_sent_while_the_oracle_is_down_pauses_it_until_a_person_has_looked",
            ),
        ],
    },
    Fault {
        number: "F29",
        what: "two people decide at once",
        tests: &[
            ("ui/console/update/tests/decide.rs", "somebody_else_decided_first"),
            (
                "tests/engine/seats.rs",
                "a_supervised_headless_engine_is_decided_from_other_processes",
            ),
        ],
    },
    Fault {
        number: "F30",
        what: "the disk is full",
        tests: &[
            (
                "tests/engine/full_disk.rs",
                "on_a_full_disk_nothing_leaves_and_with_room_it_goes_on",
            ),
            (
                "src/engine/launch/tests/ends.rs",
                "while_nothing_can_be_written_nothing_begins_and_then_it_goes_on_by_itself",
            ),
        ],
    },
    Fault {
        number: "F32",
        what: "journal damaged, changed or rolled back",
        tests: &[
            (
                "src/journal/tests.rs",
                "every_kind_of_tampering_is_found_at_its_record",
            ),
            (
                "src/journal/tests.rs",
                "lost_or_rolled_back_records_are_noticed_by_the_checkpoint",
            ),
            (
                "tests/config/restores.rs",
                "a_rolled_back_journal_goes_on_from_another_copy",
            ),
        ],
    },
    Fault {
        number: "F34",
        what: "an operator is away before the start",
        tests: &[
            (
                "tests/ceremony/faults.rs",
                "an_absent_operator_stops_everything_before_it_begins",
            ),
            (
                "tests/engine/absent.rs",
                "a_dead_operator_is_replaced_and_a_second_one_does_not_keep_the_validator_from_leaving",
            ),
        ],
    },
    Fault {
        number: "F35",
        what: "an operator dies in a round",
        tests: &[
            ("tests/ceremony/faults.rs", "whoever_dies_is_named_in_its_round"),
            (
                "tests/ceremony/faults.rs",
                "a_silent_operator_is_named_within_the_deadline",
            ),
        ],
    },
    Fault {
        number: "F37",
        what: "lying operators",
        tests: &[
            ("tests/ceremony/faults.rs", "lies_about_the_dealing_are_proven"),
            (
                "tests/ceremony/faults.rs",
                "lies_about_the_result_never_become_a_result",
            ),
            ("tests/ceremony/reshare.rs", "whoever_lies_is_proven"),
        ],
    },
    Fault {
        number: "F38",
        what: "equivocation",
        tests: &[
            (
                "tests/conformance/refused/messages.rs",
                "an_equivocating_operator_is_named",
            ),
            ("tests/ceremony/faults.rs", "lies_about_the_dealing_are_proven"),
            (
                "tests/messenger/results.rs",
                "the_first_result_stays_unless_the_members_vouch_for_another",
            ),
        ],
    },
    Fault {
        number: "F39",
        what: "forged or swapped result",
        tests: &[
            ("tests/ceremony/messenger.rs", "a_forged_result_is_kept_out"),
            (
                "tests/ceremony/foreign.rs",
                "a_swapped_result_is_refused_and_the_observed_one_counts",
            ),
        ],
    },
    Fault {
        number: "F41",
        what: "deposit signature invalid, or key deposited already",
        tests: &[
            (
                "tests/conformance/refused/outputs.rs",
                "a_deposit_for_other_credentials_or_another_network",
            ),
            (
                "tests/engine/deposits.rs",
                "a_key_that_somebody_deposited_for_meanwhile_takes_no_money_of_ours",
            ),
            (
                "tests/chain/omissions.rs",
                "a_deposit_that_a_node_leaves_out_is_missing_by_the_contracts_own_count",
            ),
            (
                "tests/ceremony/faults.rs",
                "lies_about_the_result_never_become_a_result",
            ),
        ],
    },
    Fault {
        number: "F42",
        what: "the messenger restarts and forgets",
        tests: &[
            ("tests/ceremony/foreign.rs", "a_forgotten_topic_blames_nobody"),
            (
                "tests/adversity/restarts.rs",
                "after_a_restart_of_the_messenger_the_deposit_is_made_by_itself",
            ),
            (
                "tests/messenger/restart.rs",
                "registrations_topics_results_and_undelivered_messages",
            ),
        ],
    },
    Fault {
        number: "F45",
        what: "beacon node syncing, optimistic or of another chain",
        tests: &[
            (
                "tests/chain/beacon/exits.rs",
                "only_nodes_in_sync_count_as_delivered",
            ),
            (
                "tests/chain/beacon/reading.rs",
                "a_node_that_lags_fails_or_serves_another_chain_is_passed_over",
            ),
        ],
    },
    Fault {
        number: "F47",
        what: "refusals of exits in 5 clients' words",
        tests: &[
            (
                "tests/chain/beacon/refusals.rs",
                "refusals_of_five_clients_have_distinct_outcomes",
            ),
            ("tests/chain/beacon/refusals.rs", "the_state_outweighs_the_words"),
        ],
    },
    Fault {
        number: "F48",
        what: "validator not active yet",
        tests: &[
            (
                "tests/engine/exits.rs",
                "an_exit_of_a_young_validator_waits_for_its_time_over_a_restart",
            ),
            (
                "tests/engine/times.rs",
                "times_are_predicted_before_they_are_facts_and_survive_restarts",
            ),
        ],
    },
    Fault {
        number: "F52",
        what: "hostile text",
        tests: &[
            ("src/core/types/text.rs", "hostile_characters_become_visible"),
            (
                "ui/console/tests/hostile.rs",
                "nothing_hostile_reaches_the_buffer",
            ),
            (
                "ui/log/scrub.rs",
                "control_characters_and_url_secrets_do_not_pass",
            ),
            ("tests/chain/mutations.rs", "answers_of_endpoints"),
        ],
    },
    Fault {
        number: "F53",
        what: "oversized bodies, bombs, redirects, header floods",
        tests: &[
            (
                "src/listen/tests.rs",
                "a_head_has_a_longest_length_and_what_comes_behind_it_has_its_own",
            ),
            ("src/http/tests/limits.rs", "a_long_answer_is_not_read_to_its_end"),
            (
                "src/http/tests/limits.rs",
                "compressed_answers_are_neither_asked_for_nor_taken",
            ),
            (
                "src/http/tests/limits.rs",
                "a_redirect_is_an_answer_and_not_followed",
            ),
            (
                "tests/messenger/hostile.rs",
                "oversized_bodies_are_refused_on_every_route",
            ),
            ("src/http/tests/limits.rs", "headers_count_too"),
            ("tests/conformance/wire.rs", "nesting_and_length_are_bounded"),
        ],
    },
    Fault {
        number: "F55",
        what: "resize, hang-up, stop, paste",
        tests: &[
            ("tests/at_a_terminal/demo.rs", "resize_paste_and_no_color"),
            (
                "tests/at_a_terminal/demo.rs",
                "a_hang_up_ends_the_process_and_what_it_started",
            ),
            (
                "tests/at_a_terminal/demo.rs",
                "term_gives_the_terminal_back_and_stop_continue_repaints",
            ),
            (
                "ui/console/update/tests/decide.rs",
                "paste_never_decides_and_never_types_a_phrase",
            ),
        ],
    },
    Fault {
        number: "F56",
        what: "a panic in the screen or in a part",
        tests: &[
            (
                "tests/at_a_terminal/panics.rs",
                "a_panic_of_the_screen_gives_the_terminal_back_and_loses_no_decision",
            ),
            (
                "tests/engine/panics.rs",
                "an_effect_whose_task_dies_is_found_out_and_the_rest_goes_on",
            ),
        ],
    },
    Fault {
        number: "F58",
        what: "SIGTERM at any moment",
        tests: &[
            (
                "tests/config/start.rs",
                "every_signal_ends_a_start_behind_a_node_that_hangs",
            ),
            (
                "src/engine/launch/tests/ends.rs",
                "a_sending_that_never_answers_is_cut_off_and_the_next_start_sends_the_same_bytes",
            ),
            (
                "tests/lives/mod.rs",
                "a_life_with_kills_and_faults_serves_every_pool_once",
            ),
        ],
    },
    Fault {
        number: "F60",
        what: "a soak",
        tests: &[
            (
                "src/core/oracle/sim/lives.rs",
                "everything_comes_to_its_end_whatever_happens",
            ),
            (
                "tests/lives/mod.rs",
                "a_life_with_kills_and_faults_serves_every_pool_once",
            ),
        ],
    },
];

/// Number, file and function of tests that run by command only, and the step of `.ci/run full` that runs them.
pub(super) const BY_COMMAND: &[(&str, &str, &str, &str)] = &[
    (
        "F58",
        "tests/lives/mod.rs",
        "so_many_lives_with_kills_and_faults_serve_every_pool_once",
        "real_lives",
    ),
    (
        "F60",
        "tests/adversity/soak.rs",
        "with_faults_at_random_everything_is_served_once_and_memory_stays_flat",
        "soak",
    ),
    (
        "F60",
        "tests/at_a_terminal/soak.rs",
        "a_demo_with_levers_at_random_goes_on_and_its_memory_stays_flat",
        "soak",
    ),
];

/// Number, fault, and why this program cannot meet it.
pub(super) const OUT_OF_REACH: &[(&str, &str, &str)] = &[
    (
        "F44",
        "an operator below a version floor",
        "The floor of ssv-dkg belongs to a backend that this program does not have; RockX's nodes tell a version, and no floor is known.",
    ),
    (
        "F51",
        "`exitValidator` is mined and SSV does nothing",
        "No version of the manager that this program speaks sends it: exits are published to beacon nodes, and followed there.",
    ),
];
