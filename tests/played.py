"""Which tests play which ruling."""

PLAYED = {
    1: (
        "tests/rulings/test_engine_speculation.py::test_1_a_refused_speculation_is_dropped_and_its_fact_takes_its_true_place",
        "tests/rulings/test_engine_speculation.py::test_1_a_speculation_whose_reply_is_lost_is_never_fed_again",
        "tests/rulings/test_engine_speculation.py::test_1_nobody_speculates_while_another_task_of_the_run_is_claimed",
    ),
    2: (
        "tests/rulings/test_cancellation.py::test_2_an_abandon_that_became_moot_is_not_written",
        "tests/rulings/test_cancellation.py::test_2_what_was_asked_and_let_go_before_it_was_written_is_not_written_at_all",
    ),
    3: (
        "tests/rulings/test_engine_speculation.py::test_3_the_same_length_is_not_the_same_log",
        "tests/rulings/test_engine_speculation.py::test_3_a_log_shorter_than_what_is_known_is_read_from_the_start",
    ),
    4: (
        "tests/rulings/test_deploys.py::test_4_a_step_that_was_dropped_is_missed_before_anything_is_decided",
        "tests/rulings/test_determinism.py::test_4_a_recorded_command_that_is_no_longer_asked_is_found_though_another_one_is_equal",
        "tests/rulings/test_determinism.py::test_4_a_new_question_is_compatible_with_a_live_run_and_an_old_one_may_go",
        "tests/rulings/test_determinism.py::test_4_uuid4_asked_twice_differs_and_counts_in_its_own_branch",
    ),
    5: (
        "tests/rulings/test_engine_outsiders.py::test_5_a_second_cancellation_appends_nothing",
        "tests/rulings/test_engine_outsiders.py::test_5_a_full_inbox_takes_no_more_until_it_is_read",
        "tests/rulings/test_engine_outsiders.py::test_5_a_delivery_that_is_sent_again_counts_once_and_answers_its_position",
        "tests/rulings/test_engine_outsiders.py::test_5_every_commit_has_one_of_three_conditions",
        "tests/rulings/test_engine_outsiders.py::test_5_a_run_that_has_ended_or_is_gone_takes_nothing",
    ),
    6: (
        "tests/rulings/test_engine_claims.py::test_6_a_beat_between_the_look_and_the_revocation_keeps_the_claim",
        "tests/rulings/test_engine_claims.py::test_6_a_claim_that_is_over_but_not_revoked_still_counts",
        "tests/rulings/test_engine_claims.py::test_6_a_revoked_claim_reports_nothing_any_more",
    ),
    7: ("tests/rulings/test_timers.py::test_7_decisions_that_are_not_in_the_log_wake_nobody",),
    8: ("tests/rulings/test_timers.py::test_8_a_command_keeps_what_was_asked_so_that_two_deciders_write_the_same",),
    9: (
        "tests/rulings/test_timers.py::test_9_time_does_not_run_backwards",
        "tests/rulings/test_timers.py::test_9_decisions_do_not_move_the_time",
    ),
    10: (
        "tests/rulings/test_deploys.py::test_10_what_is_thrown_does_not_depend_on_what_is_loaded",
        "tests/core/test_failures.py::test_what_would_break_a_workflow_arrives_as_step_failed",
        "tests/core/test_failures.py::test_a_stand_in_has_the_name_and_the_nearest_loaded_ancestor",
    ),
    11: (
        "tests/rulings/test_forks.py::test_11_up_to_its_cut_a_fork_has_the_old_seed_and_after_it_its_own",
        "tests/rulings/test_forks.py::test_11_tokens_of_a_fork_are_its_own_and_arguments_are_not_compared_in_what_it_copied",
        "tests/rulings/test_forks.py::test_11_kind_and_name_are_compared_also_in_what_a_fork_has_copied",
        "tests/promises/test_core_promises.py::test_a_fork_of_any_prefix_goes_on_and_replays",
    ),
    12: (
        "tests/rulings/test_chains.py::test_12_continue_as_new_ends_the_log_with_the_call_of_the_next_one",
        "tests/rulings/test_chains.py::test_12_what_a_finally_around_it_asks_is_dropped",
        "tests/rulings/test_chains.py::test_12_in_a_branch_or_combinator_it_is_refused",
        "tests/rulings/test_chains.py::test_12_open_tasks_are_closed_first_and_a_cancellation_meanwhile_changes_nothing",
        "tests/rulings/test_chains.py::test_12_unread_payloads_data_and_links_go_on_in_the_next_generation",
    ),
    13: (
        "tests/rulings/test_children.py::test_13_a_child_that_is_let_go_is_waited_for_and_its_branch_is_cancelled_whatever_it_answers",
        "tests/rulings/test_children.py::test_13_a_child_that_was_not_yet_written_is_not_written_at_all",
        "tests/rulings/test_children.py::test_13_a_child_whose_parent_closes_with_abandon_is_let_go_at_once",
    ),
    14: (
        "tests/rulings/test_deploys.py::test_14_a_deploy_with_another_order_of_sets_and_keys_a_new_default_and_other_options_blocks_no_run",
        "tests/rulings/test_determinism.py::test_14_options_and_times_are_never_compared",
        "tests/rulings/test_determinism.py::test_14_a_field_with_a_default_that_was_added_since_blocks_no_run",
        "tests/rulings/test_determinism.py::test_14_other_arguments_are_another_command",
        "tests/rulings/test_determinism.py::test_14_a_former_name_is_the_same_step",
    ),
    15: (
        "tests/rulings/test_patches.py::test_15_a_run_that_comes_here_after_the_change_takes_the_new_way_and_leaves_a_mark",
        "tests/rulings/test_patches.py::test_15_a_run_whose_log_holds_the_mark_takes_the_new_way",
        "tests/rulings/test_patches.py::test_15_a_run_that_passed_here_with_old_code_takes_the_old_way",
        "tests/rulings/test_patches.py::test_15_a_command_of_a_branch_below_counts_as_passed",
        "tests/rulings/test_patches.py::test_15_the_first_answer_for_an_id_holds_for_the_run",
    ),
    16: (
        "tests/rulings/test_engine_memory.py::test_16_what_an_old_execution_complains_of_is_confirmed_from_scratch",
        "tests/rulings/test_engine_memory.py::test_16_old_code_notes_that_it_cannot_go_on_and_new_code_goes_on",
        "tests/rulings/test_engine_memory.py::test_16_only_a_tend_of_the_runs_own_queue_may_block_it",
        "tests/rulings/test_engine_memory.py::test_16_an_unknown_step_is_left_unclaimed_and_stops_nothing_else",
    ),
    17: (
        "tests/rulings/test_code_errors.py::test_17_a_program_that_only_asks_blocks",
        "tests/rulings/test_engine_turns.py::test_17_the_sixth_death_in_a_replay_blocks_the_run",
        "tests/rulings/test_engine_turns.py::test_17_any_commit_of_a_tender_takes_the_deaths_back",
        "tests/rulings/test_engine_turns.py::test_17_long_bodies_of_many_workers_are_no_deaths",
        "tests/rulings/test_engine_turns.py::test_17_every_ten_minutes_it_is_tried_again",
    ),
    18: (
        "tests/rulings/test_blocked_runs.py::test_18_a_code_error_blocks_the_run_and_the_fixed_code_goes_on",
        "tests/rulings/test_blocked_runs.py::test_18_a_deploy_that_parts_from_the_log_blocks_until_it_is_reverted",
        "tests/rulings/test_blocked_runs.py::test_18_an_ordinary_exception_fails_the_run_whatever_its_cause",
        "tests/rulings/test_code_errors.py::test_18_what_is_no_command_is_told_with_its_line_and_what_was_meant",
    ),
    19: (
        "tests/rulings/test_combinators.py::test_19_a_failed_gather_waits_for_the_clean_up_of_the_others",
        "tests/rulings/test_combinators.py::test_19_a_race_waits_for_the_clean_up_of_the_losers",
    ),
    20: (
        "tests/rulings/test_combinators.py::test_20_the_first_failure_is_raised_and_a_later_one_noted",
        "tests/rulings/test_combinators.py::test_20_an_error_in_clean_up_replaces_an_answer",
        "tests/rulings/test_combinators.py::test_20_a_cancelled_branch_that_goes_on_is_waited_for_and_its_value_dropped",
        "tests/rulings/test_shields_and_timeouts.py::test_20_after_the_time_it_is_timed_out_whatever_the_branch_returned",
        "tests/rulings/test_shields_and_timeouts.py::test_20_an_error_in_clean_up_replaces_a_default_and_is_noted_on_a_time_out",
    ),
    21: (
        "tests/rulings/test_shields_and_timeouts.py::test_21_a_shield_keeps_the_receipt_and_the_cancellation_comes_at_the_next_ask",
        "tests/rulings/test_shields_and_timeouts.py::test_21_b_a_shielded_failure_under_a_cancellation_is_one_unwinding",
        "tests/rulings/test_shields_and_timeouts.py::test_21_c_what_is_asked_in_a_shield_is_carried_out_while_the_cancellation_is_held",
        "tests/rulings/test_shields_and_timeouts.py::test_21_a_saga_that_is_cancelled_at_any_moment_leaves_no_booking_behind",
        "tests/rulings/test_combinators.py::test_21_a_closing_combinator_holds_the_cancellation",
    ),
    22: (
        "tests/rulings/test_cancellation.py::test_22_a_second_request_does_not_interrupt_the_clean_up_unless_it_is_a_second_request",
    ),
    23: (
        "tests/rulings/test_combinators.py::test_23_a_branch_cancelled_before_its_first_step_never_starts",
        "tests/rulings/test_combinators.py::test_23_branches_start_in_order_each_run_until_it_waits",
    ),
    24: (
        "tests/rulings/test_tasks.py::test_24_a_cancelled_task_is_not_my_cancellation",
        "tests/rulings/test_children.py::test_24_a_cancelled_child_is_not_my_cancellation",
        "tests/rulings/test_tasks.py::test_24_an_await_that_is_cancelled_does_not_cancel_its_task",
    ),
    25: (
        "tests/rulings/test_cancellation.py::test_25_a_program_that_has_ended_takes_no_cancellation",
        "tests/rulings/test_cancellation.py::test_25_a_cancellation_before_the_first_decision_is_thrown_at_the_first_ask",
    ),
    26: (
        "tests/rulings/test_tasks.py::test_26_open_tasks_are_cancelled_and_waited_for_when_their_branch_ends",
        "tests/rulings/test_tasks.py::test_26_a_failure_that_nobody_heard_of_fails_the_branch_when_it_returns",
        "tests/rulings/test_tasks.py::test_26_a_failure_that_was_awaited_or_cancelled_is_not_raised_again",
        "tests/rulings/test_tasks.py::test_26_the_clean_up_of_a_task_is_not_interrupted_when_its_branch_ends",
    ),
    27: (
        "tests/rulings/test_combinators.py::test_27_a_leaf_is_abandoned_at_once_while_the_clean_up_begins",
        "tests/rulings/test_app_steps.py::test_27_a_body_whose_claim_is_gone_is_told_and_the_step_that_cleans_up_is_not",
    ),
    28: (
        "tests/rulings/test_pauses.py::test_28_facts_of_a_pause_are_kept_and_told_in_their_order_with_the_time_of_the_resume",
        "tests/rulings/test_pauses.py::test_28_while_paused_nothing_is_decided_and_no_timer_rings",
        "tests/rulings/test_pauses.py::test_28_a_cancellation_resumes_and_comes_after_what_was_kept",
    ),
    29: (
        "tests/rulings/test_pauses.py::test_29_a_deadline_cancels_and_ends_failed_with_a_run_timeout",
        "tests/rulings/test_pauses.py::test_29_a_deadline_does_not_interrupt_the_clean_up_of_a_cancelled_run",
        "tests/rulings/test_children.py::test_13_a_forced_end_may_leave_commands_open",
    ),
    30: (
        "tests/rulings/test_engine_turns.py::test_30_a_local_step_is_run_in_the_turn_and_never_queued",
        "tests/rulings/test_engine_turns.py::test_30_until_then_it_may_run_again_and_only_one_answer_counts",
        "tests/rulings/test_engine_turns.py::test_30_once_it_is_recorded_it_is_never_run_again",
    ),
    31: (
        "tests/rulings/test_hooks.py::test_31_the_name_is_the_hook",
        "tests/rulings/test_hooks.py::test_31_waiters_are_served_in_the_order_of_asking",
        "tests/rulings/test_hooks.py::test_31_early_payloads_wait_and_late_ones_stay_for_the_next_wait",
        "tests/rulings/test_hooks.py::test_31_an_abandoned_waiter_takes_nothing",
        "tests/rulings/test_hooks.py::test_31_another_type_is_a_mistake_at_that_line",
    ),
    32: (
        "tests/rulings/test_app_hooks.py::test_32_a_sender_who_has_the_type_is_told_at_once_and_nothing_is_written",
        "tests/rulings/test_app_hooks.py::test_32_a_sender_without_the_type_neither_fails_nor_blocks_the_run",
        "tests/rulings/test_hooks.py::test_32_what_does_not_fit_is_skipped_stays_in_the_log_and_the_hook_goes_on_waiting",
        "tests/rulings/test_app_hooks.py::test_32_a_flood_ends_at_the_inbox_and_the_run_goes_on",
        "yieldflow/testing/contracts/outsiders.py::test_a_full_inbox_does_not_keep_out_a_cancellation",
    ),
    33: (
        "tests/rulings/test_app_hooks.py::test_33_no_two_runs_and_no_two_hooks_have_one_link",
        "tests/rulings/test_app_hooks.py::test_33_a_link_goes_with_its_run_and_not_with_a_generation_of_it",
        "tests/rulings/test_app_hooks.py::test_33_the_address_of_a_link_is_that_of_the_start",
    ),
    34: (
        "tests/engine/test_walks.py::test_b4_a_payload_that_comes_first_beats_the_timeout",
        "tests/rulings/test_timers.py::test_34_log_order_decides_a_report_beats_a_sleep_that_nobody_has_rung",
        "tests/rulings/test_engine_outsiders.py::test_34_a_sleep_that_is_rung_first_wins",
        "tests/rulings/test_engine_outsiders.py::test_34_timers_that_are_due_together_come_by_their_ends_then_by_their_paths_as_numbers",
        "tests/rulings/test_combinators.py::test_34_ties_in_one_fact_go_to_the_lower_branch",
        "tests/rulings/test_combinators.py::test_34_a_race_of_nothing_is_refused_and_a_gather_of_nothing_is_answered",
    ),
    35: (
        "tests/rulings/test_engine_children.py::test_35_a_child_that_is_started_twice_is_the_same_start",
        "tests/rulings/test_engine_children.py::test_35_the_generation_is_in_the_id_of_a_child",
        "tests/rulings/test_engine_children.py::test_35_an_id_of_ones_own_is_adopted",
        "tests/rulings/test_engine_children.py::test_35_a_run_that_has_the_id_and_is_nobodys_child_is_an_error_at_the_yield",
        "tests/rulings/test_engine_children.py::test_35_a_child_has_its_seed_and_its_times_from_its_parents_log",
    ),
    36: (
        "tests/rulings/test_chains.py::test_36_history_length_is_the_position_of_the_last_fact_and_limits_are_those_of_the_log",
        "tests/rulings/test_chains.py::test_36_a_full_history_is_raised_once_a_branch_and_has_room_for_clean_up",
    ),
    37: (
        "tests/rulings/test_chains.py::test_37_data_is_kept_encoded_and_each_look_is_a_fresh_copy",
        "tests/rulings/test_chains.py::test_37_data_is_readable_outside_once_it_is_committed",
    ),
    38: (
        "tests/rulings/test_code_errors.py::test_38_arguments_are_encoded_when_they_are_asked",
        "tests/rulings/test_code_errors.py::test_38_a_command_is_not_a_value",
        "tests/rulings/test_app_steps.py::test_38_a_body_gets_a_decoded_copy_of_what_was_there_when_it_was_asked",
    ),
    39: (
        "tests/rulings/test_retry.py::test_39_a_policy_matches_the_names_of_what_was_raised",
        "tests/rulings/test_retry.py::test_39_limits_are_recorded_at_issue_and_a_policy_only_if_it_is_the_calls_own",
        "tests/rulings/test_retry.py::test_39_the_jitter_is_the_same_for_every_worker_and_another_for_every_attempt",
        "tests/engine/test_walks.py::test_b11_after_the_last_loss_the_step_fails",
    ),
    40: (
        "tests/rulings/test_app_steps.py::test_40_an_answer_that_cannot_be_encoded_fails_its_step_and_is_not_tried_again",
    ),
    41: ("tests/rulings/test_engine_children.py::test_41_a_child_inherits_what_its_parent_was_started_with",),
    42: (
        "tests/rulings/test_app_starts.py::test_42_a_second_start_answers_the_run_that_is_there_also_after_its_end",
        "tests/rulings/test_app_starts.py::test_42_something_else_under_the_same_id_is_refused_and_changes_nothing",
        "tests/rulings/test_app_starts.py::test_42_many_starts_at_once_are_one_run",
        "tests/rulings/test_engine_outsiders.py::test_42_a_start_with_a_default_that_was_added_since_is_the_same_start",
    ),
    43: (
        "tests/rulings/test_combinators.py::test_43_gather_answers_a_tuple_in_the_order_of_asking",
        "tests/test_typing.py::test_type_checkers_reject_the_marked_lines_and_no_others",
    ),
    44: ("tests/test_typing.py::test_type_checkers_reject_the_marked_lines_and_no_others",),
    45: (
        "tests/rulings/test_code_errors.py::test_45_an_uncalled_step_is_a_call_only_if_nothing_is_required",
        "tests/rulings/test_code_errors.py::test_45_the_same_generator_asked_twice_is_refused",
        "tests/authoring/test_step.py::test_generators_are_refused",
        "tests/authoring/test_step.py::test_methods_are_refused",
        "tests/authoring/test_workflow.py::test_function_without_a_yield_is_told_to_yield",
    ),
    46: (
        "tests/rulings/test_deploys.py::test_46_a_plain_function_is_run_only_by_who_replays_the_program",
        "tests/authoring/test_step.py::test_plain_function_is_never_found_by_name",
        "tests/authoring/test_step.py::test_queue_of_a_plain_function_needs_step",
    ),
    47: (
        "tests/rulings/test_deploys.py::test_47_a_renamed_workflow_goes_on_with_the_logs_of_its_former_name",
        "tests/authoring/test_registry.py::test_two_functions_of_one_name_are_refused_and_the_first_stays",
        "tests/authoring/test_registry.py::test_a_cell_that_is_run_again_replaces",
    ),
    48: (
        "tests/rulings/test_engine_rounds.py::test_48_a_tend_takes_work_of_its_queues_and_hints_at_the_rest",
        "tests/rulings/test_engine_rounds.py::test_48_a_worker_without_the_program_reads_reports_and_hints_at_the_runs_own_queue",
    ),
    49: ("tests/rulings/test_engine_rounds.py::test_49_a_body_runs_inline_only_when_nothing_else_is_owed",),
    50: (
        "tests/body/test_timeouts.py::test_50_a_body_in_the_main_thread_is_interrupted_when_its_time_is_up",
        "tests/body/test_timeouts.py::test_50_a_body_in_a_thread_is_interrupted_when_its_time_is_up",
        "tests/body/test_timeouts.py::test_50_a_thread_that_does_not_come_back_is_replaced_and_counted_while_that_lasts",
        "tests/body/test_async_bodies.py::test_50_a_coroutine_whose_time_is_up_is_cancelled_until_it_ends",
    ),
    51: (
        "tests/rulings/test_engine_claims.py::test_51_a_body_that_runs_is_not_given_back_when_its_worker_stops",
        "tests/rulings/test_engine_claims.py::test_51_what_has_not_begun_is_given_back_at_once_and_uses_up_nothing",
    ),
    52: (
        "tests/rulings/test_engine_rounds.py::test_52_every_append_by_one_who_cannot_decide_has_somebody_look_soon",
        "tests/rulings/test_engine_rounds.py::test_52_a_tender_that_has_nothing_to_append_sets_the_alarm_without_moving_the_head",
    ),
    53: (
        "tests/rulings/test_stores.py::test_53_a_long_body_that_beats_never_rings",
        "yieldflow/testing/contracts/alarms.py::test_renewing_moves_the_alarm",
    ),
    54: (
        "tests/rulings/test_engine_rounds.py::test_54_an_alarm_that_nobody_answers_backs_off_and_any_commit_resets_it",
        "tests/rulings/test_engine_rounds.py::test_54_a_blocked_run_backs_off_by_its_rings_alone",
        "tests/rq/test_queue.py::test_a_queue_has_room_until_it_is_full",
    ),
    55: (
        "tests/rulings/test_stores.py::test_55_no_run_id_names_the_key_of_another_kind_or_run",
        "tests/stores/test_redis.py::test_every_key_of_a_run_names_its_kind_first_and_goes_with_the_run",
    ),
    56: (
        "tests/rulings/test_stores.py::test_56_a_commit_that_is_refused_writes_nothing",
        "tests/rulings/test_stores.py::test_56_more_decisions_than_a_commit_carries_come_with_the_next",
        "tests/stores/test_redis.py::test_a_key_of_a_strange_type_is_met_before_anything_is_written",
        "tests/stores/test_redis.py::test_a_commit_may_be_very_wide",
    ),
    57: (
        "tests/rulings/test_engine_rounds.py::test_57_free_work_is_claimed_in_the_store_and_never_listed",
        "tests/promises/test_cost.py::test_one_more_fact_calls_as_few_functions_however_many_commands_are_open",
    ),
    58: (
        "yieldflow/testing/contracts/commits.py::test_58_several_commits_in_one_call_have_each_their_own_condition_and_reply",
        "tests/test_group.py::test_58_what_several_runs_commit_and_read_is_one_call",
        "tests/test_group.py::test_58_a_lost_reply_is_that_of_each_run_and_no_outcome_is_lost_or_made_twice",
        "tests/test_group.py::test_58_a_slow_body_holds_up_no_other_run",
    ),
    59: (
        "tests/rulings/test_engine_memory.py::test_59_an_execution_is_had_by_one_tender_at_a_time",
        "tests/rulings/test_engine_memory.py::test_59_who_runs_a_body_leaves_the_execution_to_others",
    ),
    60: (
        "tests/rulings/test_stores.py::test_60_waiters_on_sqlite_hear_of_their_process_at_once_and_of_others_soon",
        "tests/rulings/test_stores.py::test_60_a_waiter_on_redis_looks_by_itself_when_nothing_is_published",
        "tests/stores/test_sqlite.py::test_a_wait_ends_when_another_process_moves_the_head",
    ),
    61: (
        "tests/rulings/test_stores.py::test_61_the_time_of_a_worker_is_the_stores_and_never_runs_backwards",
        "tests/rulings/test_stores.py::test_61_a_clock_that_jumps_makes_a_lost_worker_and_no_second_outcome",
        "tests/stores/test_memory.py::test_the_clock_stands_still_while_the_wall_clock_runs_backwards",
    ),
    62: (
        "tests/rulings/test_engine_memory.py::test_62_the_cache_is_bounded_by_count_and_by_bytes_the_least_used_goes_first",
    ),
    63: (
        "tests/rulings/test_code_errors.py::test_63_a_generator_that_asks_while_it_is_closed_is_closed_all_the_same",
        "tests/rulings/test_code_errors.py::test_63_one_that_ignores_it_for_ever_is_kept_and_said_once",
    ),
    64: (
        "tests/rulings/test_app_steps.py::test_64_a_command_that_is_never_yielded_is_a_value_and_nothing_is_said",
        "tests/authoring/test_source_check.py::test_commands_that_are_never_yielded",
        "tests/authoring/test_workflow.py::test_what_its_source_shows_to_be_a_mistake_is_refused_with_the_line",
    ),
    65: (
        "tests/rulings/test_engine_children.py::test_65_a_child_of_a_run_that_is_gone_has_told_it",
        "tests/features/test_again.py::test_prune_deletes_what_has_ended_and_owes_nothing",
        "tests/features/test_again.py::test_what_is_owed_something_is_not_pruned",
        "tests/engine/test_walks_between.py::test_b9_pruning_old_generations_leaves_the_chain",
    ),
    66: (
        "tests/rulings/test_determinism.py::test_66_rng_is_a_random_of_its_own_each_time_and_the_same_on_every_replay",
    ),
    67: (
        "tests/rulings/test_engine_speculation.py::test_67_decisions_carry_no_time_and_the_engine_stamps_them",
        "tests/rulings/test_engine_speculation.py::test_67_a_commit_that_is_repeated_is_known_by_its_head",
    ),
    68: (
        "tests/rulings/test_engine_claims.py::test_68_a_stale_reader_cannot_claim_what_is_resolved",
        "tests/rulings/test_engine_claims.py::test_68_a_lost_table_runs_a_body_twice_and_commits_it_once",
        "tests/rulings/test_engine_claims.py::test_68_a_missing_entry_is_never_read_as_done",
    ),
    69: (
        "tests/rulings/test_engine_claims.py::test_69_who_sees_the_process_gone_revokes_at_once",
        "tests/rulings/test_engine_claims.py::test_69_a_living_neighbour_is_left_alone",
        "tests/e2e/test_stopping.py::test_ctrl_c_in_a_body_of_the_main_thread_counts_no_attempt",
    ),
    70: (
        "tests/rulings/test_engine_rounds.py::test_70_parallel_bodies_are_several_tends_of_one_run",
        "tests/rulings/test_engine_rounds.py::test_70_who_tends_beside_a_running_body_rings_its_timers",
    ),
    71: (
        "tests/rulings/test_app_hooks.py::test_71_what_nobody_ever_takes_was_delivered_at_its_position",
        "tests/rulings/test_hooks.py::test_71_what_nobody_takes_is_shown_as_unread",
    ),
    72: (
        "tests/rulings/test_app_hooks.py::test_72_a_default_is_answered_fresh_each_time_and_not_recorded",
        "tests/rulings/test_app_hooks.py::test_72_the_timeout_of_an_attempt_and_that_of_a_wait_are_different_errors",
        "tests/rulings/test_conditions.py::test_72_conditions_are_asked_in_the_order_of_asking_and_all_again_after_each",
        "tests/rulings/test_conditions.py::test_72_what_a_condition_raises_is_raised_at_the_yield",
        "tests/rulings/test_conditions.py::test_72_a_run_that_waits_only_for_conditions_is_deadlocked_and_told_the_lines",
        "tests/rulings/test_conditions.py::test_72_a_branch_that_the_log_has_begun_begins_at_once_whatever_the_limit_says",
        "tests/rulings/test_conditions.py::test_72_a_limit_may_change_up_and_down_between_replays",
        "tests/rulings/test_shields_and_timeouts.py::test_72_the_default_of_a_timeout_is_fresh_each_time_and_answered_after_the_clean_up",
    ),
}
