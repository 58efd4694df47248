"""Every key that a person may write has effect: for each a test that shows it. A key that is added without one fails here."""

from __future__ import annotations

import ast
import shutil
from functools import cache
from pathlib import Path

import pytest

from sync.config.keys import keys_of
from sync.config.kinds import KINDS
from sync.config.model import SECTIONS, Config
from sync.mapping import load
from sync.mapping.reader import Reader

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
SYSTEMS = {name: name for name in ("abmatic", "salesforce", "conversion", "activecampaign", "letrics")}

EDITS, FIRST, SETTINGS = "scenario/test_edits.py", "scenario/test_first_contact.py", "scenario/test_field_settings.py"
LENSES, STREAMS, LETRICS = "unit/mapping/test_mapping_lenses.py", "scenario/test_streams.py", "scenario/test_letrics.py"
EFFECTS = "scenario/test_file_settings.py"

LANGUAGE = {
    "entity": "scenario/test_mapping_changes.py::test_an_entity_that_is_mapped_later_joins",
    "conflict": f"{EFFECTS}::test_the_policy_of_a_file_holds_for_fields_that_say_nothing",
    "prefer": f"{EFFECTS}::test_the_order_of_a_file_holds_for_fields_that_say_nothing",
    "match.keys": f"{FIRST}::test_the_same_person_in_both_systems_is_linked_not_copied",
    "routes": f"{STREAMS}::test_event_becomes_engagement",
    "systems.object": "scenario/test_deletes_and_merges.py::test_a_converted_lead_hands_its_link_to_the_contact",
    "systems.mode": f"{LETRICS}::test_it_fills_what_is_empty_and_overwrites_nothing",
    "systems.create": f"{LETRICS}::test_it_creates_people_once_where_the_mapping_says_so",
    "systems.when": f"{FIRST}::test_a_condition_gates_creation_alone",
    "systems.where": "scenario/test_deletes_and_merges.py::test_a_row_that_leaves_the_filter_stays_linked",
    "systems.params": f"{LETRICS}::test_params_and_where_choose_whom_to_read",
    "systems.deleted": "scenario/test_deletes_and_merges.py::test_absence_from_one_read_is_no_deletion",
    "systems.external_id": f"{EFFECTS}::test_our_id_is_written_where_the_mapping_names_a_field_for_it",
    "fields.type": f"{LENSES}::test_get",
    "fields.conflict": f"{EDITS}::test_manual_waits_for_a_person_and_does_what_they_say",
    "fields.prefer": f"{EDITS}::test_prefer",
    "fields.owner": f"{EDITS}::test_only_the_owner_counts",
    "fields.blank": f"{EDITS}::test_a_blank_that_is_to_be_kept_is_refilled",
    "fields.required": f"{SETTINGS}::test_without_a_required_value_nobody_is_made_and_it_is_never_emptied",
    "fields.default": f"{SETTINGS}::test_a_default_is_what_a_create_writes",
    "fields.max_length": f"{SETTINGS}::test_what_is_too_long_is_held_and_reported",
    "fields.truncate": f"{SETTINGS}::test_with_truncate_it_is_cut_once",
    "fields.values": "unit/engine/test_merge.py::test_an_unknown_word_is_reported_and_changes_nothing",
    "fields.compute": "unit/engine/test_merge.py::test_a_computed_field_follows_its_fields_in_the_same_run",
    "fields.entity": f"{FIRST}::test_a_person_follows_to_another_company",
    "fields.sensitive": "scenario/test_sensitive.py::test_every_answer_keeps_it",
    "fields.resubscribe_from": "unit/mapping/test_mapping_lint.py::test_no_system_may_lift_an_opt_out",
    "column.field": f"{EDITS}::test_an_edit_travels_and_its_echo_does_not",
    "column.mode": "unit/engine/test_merge.py::test_fill_fills_what_is_empty_and_nothing_else",
    "column.expr": "scenario/test_parents.py::test_an_expression_over_the_parent_is_written_and_follows_it",
    "column.lens": f"{LETRICS}::test_one_full_name_fills_two_fields",
    "column.values": "scenario/test_quarantine.py::test_a_word_without_a_translation_is_held_and_changes_nothing",
    "column.else": "scenario/test_quarantine.py::test_a_word_without_a_translation_is_held_and_changes_nothing",
    "column.bands": "unit/engine/test_plan.py::test_a_band_that_still_means_the_value_is_left_alone",
    "column.of": "scenario/test_parents.py::test_the_parent_s_name_follows_the_parent",
    "column.scale": f"{LENSES}::test_put",
    "column.format": f"{LENSES}::test_put",
    "column.region": f"{LENSES}::test_get",
    "column.part": f"{LETRICS}::test_one_full_name_fills_two_fields",
    "column.on": f"{LENSES}::test_get",
    "column.with": "unit/mapping/test_mapping_model.py::test_sources",
    "column.prefix": "scenario/test_campaigns_and_groups.py::test_groups_of_the_company_as_tags",
    "column.case": f"{LENSES}::test_put",
    "column.subscribe": "unit/engine/test_merge_consent.py::test_nobody_is_subscribed_without_being_asked_for",
    "column.params": "unit/mapping/test_mapping_foreign.py::test_a_foreign_lens",
    "route.on": f"{STREAMS}::test_event_becomes_engagement",
    "route.to": f"{STREAMS}::test_event_becomes_engagement",
    "route.when": f"{STREAMS}::test_condition",
    "route.name": f"{STREAMS}::test_event_becomes_engagement",
    "route.description": f"{STREAMS}::test_event_becomes_engagement",
    "route.data": f"{STREAMS}::test_event_becomes_engagement",
    "route.object": f"{STREAMS}::test_visitor_becomes_task_once",
    "route.fields": f"{STREAMS}::test_visitor_becomes_task_once",
    "route.person": f"{STREAMS}::test_campaign_member",
    "route.account": f"{STREAMS}::test_visitor_stands_at_its_account",
    "route.external_id": f"{STREAMS}::test_external_id_makes_it_repeatable",
    "route.automation": f"{STREAMS}::test_enrolled_once",
    "route.note": f"{STREAMS}::test_note_and_tag",
    "route.tag": f"{STREAMS}::test_note_and_tag",
}
"""Key -> the test of its effect. `systems` and `fields` are the tables below."""

SERVICE, WIRE, HTTP = "scenario/test_service_jobs.py", "unit/test_wire.py", "contract/test_http.py"
SALESFORCE, CONVERSION = "contract/test_salesforce_connector.py", "contract/test_conversion_connector.py"
ABMATIC, FEEDS = "contract/test_abmatic_settings.py", "contract/test_letrics_connector.py"

CONFIGURATION = {
    "workspace": "unit/web/test_pages.py::test_the_front_page_says_what_to_do",
    "mappings": "unit/test_cli.py::test_mistakes_in_config_and_mappings_are_reported_together",
    "state.url": "unit/test_config.py::test_a_state_url_may_be_a_reference",
    "state.history_days": f"{EFFECTS}::test_what_is_older_than_history_days_is_forgotten",
    "state.backups": f"{SERVICE}::test_backups_are_whole_and_few",
    "state.backups_kept": f"{SERVICE}::test_backups_are_whole_and_few",
    "schedule.poll": "system/test_daemon_life.py::test_it_works_and_ends_when_it_is_asked_to",
    "schedule.reconcile": "unit/daemon/test_cron.py::test_day_or_weekday_suffices",
    "schedule.reverify": f"{WIRE}::test_no_key_of_a_section_is_left_unread",
    "schedule.backup": "unit/daemon/test_cron.py::test_day_or_weekday_suffices",
    "schedule.timezone": "unit/daemon/test_cron.py::test_the_hour_that_comes_twice_fires_once",
    "safety.max_creates": "scenario/test_guards.py::test_creates",
    "safety.max_updates": "scenario/test_guards.py::test_updates",
    "safety.max_clears": "scenario/test_guards.py::test_clears",
    "safety.max_deletes": "scenario/test_guards.py::test_deletes",
    "safety.max_opt_outs": "scenario/test_guards.py::test_opt_outs",
    "server.listen": "unit/web/test_limits.py::test_a_taken_address_is_a_usage_error",
    "server.token": "unit/web/test_gate.py::test_a_bearer_token_opens",
    "server.hosts": "unit/web/test_gate.py::test_configured_names_are_served",
    "logging.format": "unit/test_logs.py::test_json_lines_are_json",
    "logging.level": f"{WIRE}::test_no_key_of_a_section_is_left_unread",
    "notify.urls": "unit/daemon/test_notify.py::test_a_webhook_gets_one_object",
    "systems.writes": "scenario/test_verify_and_explain.py::test_what_we_may_not_write_is_explained_as_one_way",
    "systems.timeout_s": f"{HTTP}::test_an_answer_that_drips_is_cut_at_the_deadline",
    "systems.retries": f"{HTTP}::test_a_server_error_on_a_write_is_doubt_and_on_a_read_is_retried",
    "systems.horizon": f"{WIRE}::test_keys_of_conversion_take_effect",
    "systems.verify_delays": "simulation/test_create_in_doubt.py::*",
    "systems.clock_margin": f"{EFFECTS}::test_the_margin_of_a_clock_decides_what_is_certainly_later",
    "systems.overlap": f"{SALESFORCE}::test_rows_that_surface_late_are_found",
    "systems.batch_size": f"{WIRE}::test_the_size_of_requests_to_salesforce_is_as_configured",
    "systems.requests_per_minute": "contract/test_pace.py::test_no_limit_is_exceeded_by_more_than_one_request",
    "systems.requests_per_second": "unit/test_config.py::test_a_rate_in_the_other_unit_replaces_the_default",
    "systems.base_url": "unit/test_config.py::test_several_systems_of_one_kind",
    "systems.api_key": f"{CONVERSION}::test_a_refused_key_is_told_as_such",
    "systems.webhook_secret": "unit/daemon/test_webhooks.py::test_both_secrets_are_good_while_one_is_replaced",
    "systems.webhook_header": "unit/daemon/test_webhooks.py::test_the_signature_is_looked_for_in_the_configured_header",
    "systems.profile": f"{CONVERSION}::test_c1_speaks_its_own_names",
    "systems.wire_case": f"{ABMATIC}::test_bodies_in_camel_case_arrive_where_nothing_else_is_taken",
    "systems.put_mode": f"{ABMATIC}::test_a_partial_put_sends_what_differs_and_undoes_nobody",
    "systems.clearing": f"{ABMATIC}::test_a_blank_is_sent_as_the_setting_says",
    "systems.native_salesforce_sync": "scenario/test_vendor_settings.py::test_beside_a_sync_that_writes_to_salesforce_abmatic_is_a_source",
    "systems.login_url": "unit/test_cli.py::test_a_log_in_that_cannot_work_is_told_offline",
    "systems.auth": f"{WIRE}::test_no_key_is_left_unread",
    "systems.client_id": f"{WIRE}::test_no_key_is_left_unread",
    "systems.client_secret": f"{WIRE}::test_no_key_is_left_unread",
    "systems.username": f"{WIRE}::test_no_key_is_left_unread",
    "systems.private_key": f"{WIRE}::test_no_key_is_left_unread",
    "systems.refresh_token": "contract/test_salesforce_settings.py::test_a_new_token_in_the_configuration_replaces_what_the_former_became",
    "systems.audience": f"{SALESFORCE}::test_an_assertion_is_for_the_audience_that_is_configured",
    "systems.api_version": f"{SALESFORCE}::test_probe_reports_log_in_version_and_quota",
    "systems.daily_call_share": f"{SALESFORCE}::test_our_share_of_the_day_stops_reading_but_not_opt_outs",
    "systems.bulk_threshold": f"{WIRE}::test_activecampaign_is_built_as_configured",
    "systems.external_contact": f"{CONVERSION}::test_names_in_bodies_are_those_of_the_settings",
    "systems.variables_mode": f"{CONVERSION}::test_in_replace_mode_nothing_is_lost",
    "systems.deletes": "unit/test_fit.py::test_a_deletion_that_the_configuration_forbids_is_refused",
    "systems.exports": f"{CONVERSION}::test_c2_lists_by_export_over_empty_pages_and_ends_at_a_cursor_that_stands",
    "systems.contacts_key": f"{CONVERSION}::test_names_in_bodies_are_those_of_the_settings",
    "systems.companies_key": f"{CONVERSION}::test_names_in_bodies_are_those_of_the_settings",
    "systems.subscription_key": f"{CONVERSION}::test_names_in_bodies_are_those_of_the_settings",
    "systems.status_key": f"{CONVERSION}::test_names_in_bodies_are_those_of_the_settings",
    "systems.method": f"{FEEDS}::test_get",
    "systems.array_style": f"{FEEDS}::test_get",
    "systems.contacts_path": f"{FEEDS}::test_the_paths_are_the_configured_ones",
    "systems.companies_path": f"{FEEDS}::test_the_paths_are_the_configured_ones",
    "systems.pages_max": f"{FEEDS}::test_pages_max_ends_a_pull_and_the_next_one_goes_on",
    "systems.daily_records": f"{LETRICS}::test_the_daily_budget_holds_over_runs",
    "systems.allow_personal_email": f"{FEEDS}::test_private_addresses_are_taken_where_that_is_allowed",
}
"""Key -> the test of its effect; a key that several kinds of systems have, once. Conversion's `overlap` alone has none: nothing is read by time."""


@cache
def functions(file: str) -> frozenset[str]:
    """The tests of a file."""
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def table_of(path: tuple) -> str:
    """What the table at a place of a mapping file is called here."""
    if not path or isinstance(path[0], int):
        return ""
    if path[0] == "routes":
        return "route."
    if path[0] == "fields":
        return "column." if len(path) > len(("fields", "NAME")) else "fields."
    return f"{path[0]}."


def keys_of_the_language(monkeypatch, folder) -> set[str]:
    """Every key that the loader asks any table of a mapping file for, by table."""
    found = set()
    rest = Reader.rest

    def listening(reader, *also):
        found.update(f"{table_of(reader.path)}{key}" for key in reader.asked)
        return rest(reader, *also)

    monkeypatch.setattr(Reader, "rest", listening)
    for name in ("accounts", "engagements", "every_lens"):
        shutil.copy(DATA / f"good_mapping_{name}.toml", folder)
    load(folder, SYSTEMS)
    return found


def keys_of_the_configuration() -> set[str]:
    """Every key of config.toml, by section; those of all kinds of systems together."""
    found = set(keys_of(Config))
    found |= {f"{section}.{key}" for section, model in SECTIONS.items() for key in keys_of(model)}
    return found | {f"systems.{key}" for model in KINDS.values() for key in keys_of(model)}


def test_every_key_of_the_mapping_language_has_a_test(monkeypatch, tmp_path):
    """The table has each key that the loader takes, and none that it does not."""
    asked = keys_of_the_language(monkeypatch, tmp_path) - {"match", "systems", "fields"}
    assert asked == set(LANGUAGE)


def test_every_key_of_the_configuration_has_a_test():
    """The same for config.toml."""
    assert keys_of_the_configuration() == set(CONFIGURATION)


@pytest.mark.parametrize("test", sorted({*LANGUAGE.values(), *CONFIGURATION.values()}))
def test_the_tests_are_there(test):
    """Each test that the tables name exists."""
    file, _, name = test.partition("::")
    assert name in functions(file) or (name == "*" and functions(file))
