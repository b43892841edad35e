"""One table of capabilities: what stands there is what CAP LS shows, what the documents show, and what tests cover."""

from __future__ import annotations

import importlib

import pytest

from chatctl.chat.offers import values
from chatctl.chat.rules import Rules
from chatctl.protocol.capabilities import ALL, BY_NAME, CAPABILITIES, SHAPING
from tests.tools.make_capabilities_page import PAGE, page

COVERED = {
    "account-notify": "tests.chat.test_accounts:test_register_makes_an_account_and_logs_in",
    "account-tag": "tests.chat.test_accounts:test_register_makes_an_account_and_logs_in",
    "draft/account-registration": "tests.chat.test_accounts:test_register_before_registration",
    "sasl": "tests.chat.test_sasl:test_plain_before_registration",
    "away-notify": "tests.chat.test_notices_of_change:TestAway",
    "batch": "tests.chat.test_history:TestSubcommands",
    "cap-notify": "tests.chat.test_notices_of_change:TestCapNotify",
    "chghost": "tests.chat.test_notices_of_change:TestHost",
    "chatctl/resume": "tests.chat.test_registration:TestResume",
    "chatctl/transient": "tests.chat.test_short_visits:test_members_see_the_message_and_neither_join_nor_quit",
    "draft/channel-rename": "tests.chat.test_renaming:TestRenaming",
    "draft/chathistory": "tests.chat.test_history:TestSubcommands",
    "draft/extended-isupport": "tests.chat.test_notices_of_change:TestIsupport",
    "draft/event-playback": "tests.chat.test_history:test_events_are_played_to_those_who_asked_for_them",
    "draft/message-redaction": "tests.chat.test_redaction:TestWhoMay",
    "draft/metadata-2": "tests.chat.test_metadata:TestChanging",
    "draft/metadata-3": "tests.chat.test_metadata:TestChanging",
    "draft/multiline": "tests.chat.test_multiline:TestSaying",
    "draft/no-implicit-names": "tests.chat.test_notices_of_change:TestJoin",
    "draft/pre-away": "tests.chat.test_notices_of_change:TestPreAway",
    "draft/read-marker": "tests.chat.test_marks:TestMarking",
    "echo-message": "tests.chat.test_messages:test_echo_message_gives_the_speaker_theirs",
    "extended-join": "tests.chat.test_notices_of_change:TestJoin",
    "extended-monitor": "tests.chat.test_notices_of_change:TestMonitor",
    "invite-notify": "tests.chat.test_notices_of_change:TestInvite",
    "labeled-response": "tests.chat.test_labels:TestShapes",
    "message-tags": "tests.chat.test_messages:TestTagSizes",
    "multi-prefix": "tests.chat.test_rooms:test_multi_prefix_shows_all_standing",
    "no-implicit-names": "tests.chat.test_notices_of_change:TestJoin",
    "server-time": "tests.chat.test_messages:test_tags_follow_what_each_asked_for",
    "setname": "tests.chat.test_notices_of_change:TestSetname",
    "soju.im/search": "tests.chat.test_history:TestSearch",
    "standard-replies": "tests.chat.test_multiline:TestRefusals",
    "userhost-in-names": "tests.chat.test_rooms:test_names_with_their_hosts",
}
"""Where each is tested: a module, and a class or function in it."""


def test_each_row_is_tested_somewhere() -> None:
    assert sorted(COVERED) == [row.name for row in CAPABILITIES]


@pytest.mark.parametrize("where", sorted(set(COVERED.values())))
def test_and_that_test_exists(where: str) -> None:
    module, _, name = where.partition(":")
    assert hasattr(importlib.import_module(module), name)


def test_the_documents_show_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_names_and_bits() -> None:
    assert len(BY_NAME) == len(CAPABILITIES)
    assert [row.name for row in CAPABILITIES] == sorted(BY_NAME)
    assert values(Rules()).keys() <= BY_NAME.keys()
    assert SHAPING & ALL == SHAPING
    assert SHAPING.bit_count() <= 4, "the bytes of a message to a room depend on few capabilities"
