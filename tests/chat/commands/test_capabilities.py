"""One table of capabilities: what stands there is what CAP LS shows, what the documents show, and what tests cover."""

from __future__ import annotations

import importlib

import pytest

from chatctl.chat.commands.offered_capabilities import values
from chatctl.chat.model.policy import Rules
from chatctl.protocol.capabilities import ALL, BY_NAME, CAPABILITIES, SHAPING
from scripts.make_capabilities_page import TARGET, page

COVERED = {
    "account-notify": "tests.chat.model.test_accounts:test_register_makes_an_account_and_logs_in",
    "account-tag": "tests.chat.model.test_accounts:test_register_makes_an_account_and_logs_in",
    "draft/account-registration": "tests.chat.model.test_accounts:test_register_before_registration_makes_an_account",
    "sasl": "tests.chat.commands.test_sasl:test_sasl_plain_before_registration_logs_in",
    "away-notify": "tests.chat.apply.test_change_notifications:TestAway",
    "batch": "tests.chat.history.test_history:TestSubcommands",
    "cap-notify": "tests.chat.apply.test_change_notifications:TestCapNotify",
    "chghost": "tests.chat.apply.test_change_notifications:TestHost",
    "chatctl/resume": "tests.chat.commands.test_registration:TestResume",
    "chatctl/transient": "tests.chat.apply.test_short_visits:test_members_see_the_message_and_neither_join_nor_quit",
    "draft/channel-rename": "tests.chat.apply.test_rename_room:TestRenaming",
    "draft/chathistory": "tests.chat.history.test_history:TestSubcommands",
    "draft/extended-isupport": "tests.chat.apply.test_change_notifications:TestIsupport",
    "draft/event-playback": "tests.chat.history.test_history:test_events_are_replayed_with_event_playback_only",
    "draft/message-redaction": "tests.chat.apply.test_redaction:TestWhoMay",
    "draft/metadata-2": "tests.chat.commands.test_metadata:TestChanging",
    "draft/metadata-3": "tests.chat.commands.test_metadata:TestChanging",
    "draft/multiline": "tests.chat.apply.test_multiline:TestSaying",
    "draft/no-implicit-names": "tests.chat.apply.test_change_notifications:TestJoin",
    "draft/pre-away": "tests.chat.apply.test_change_notifications:TestPreAway",
    "draft/read-marker": "tests.chat.commands.test_read_markers:TestMarking",
    "echo-message": "tests.chat.apply.test_messages:test_echo_message_reaches_the_sender",
    "extended-join": "tests.chat.apply.test_change_notifications:TestJoin",
    "extended-monitor": "tests.chat.apply.test_change_notifications:TestMonitor",
    "invite-notify": "tests.chat.apply.test_change_notifications:TestInvite",
    "labeled-response": "tests.chat.engine.test_labeled_response:TestShapes",
    "message-tags": "tests.chat.apply.test_messages:TestTagSizes",
    "multi-prefix": "tests.chat.apply.test_rooms:test_multi_prefix_shows_all_standing",
    "no-implicit-names": "tests.chat.apply.test_change_notifications:TestJoin",
    "server-time": "tests.chat.apply.test_messages:test_tags_follow_the_capabilities_of_each_recipient",
    "setname": "tests.chat.apply.test_change_notifications:TestSetname",
    "soju.im/search": "tests.chat.history.test_history:TestSearch",
    "standard-replies": "tests.chat.apply.test_multiline:TestRefusals",
    "userhost-in-names": "tests.chat.apply.test_rooms:test_userhost_in_names_shows_hosts",
}
"""Where each is tested: a module, and a class or function in it."""


def test_every_capability_cites_a_test() -> None:
    assert sorted(COVERED) == [row.name for row in CAPABILITIES]


@pytest.mark.parametrize("where", sorted(set(COVERED.values())))
def test_cited_test_exists(where: str) -> None:
    module, _, name = where.partition(":")
    assert hasattr(importlib.import_module(module), name)


def test_documents_show_the_capability_table() -> None:
    assert TARGET.read_text(encoding="utf-8") == page()


def test_capability_names_and_bits_are_unique() -> None:
    assert len(BY_NAME) == len(CAPABILITIES)
    assert [row.name for row in CAPABILITIES] == sorted(BY_NAME)
    assert values(Rules()).keys() <= BY_NAME.keys()
    assert SHAPING & ALL == SHAPING
    assert SHAPING.bit_count() <= 4, "the bytes of a message to a room depend on few capabilities"
