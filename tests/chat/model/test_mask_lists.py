"""Masks of lists (chat/model/mask_lists.py)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.model.ids import SessionId, UserId
from chatctl.chat.model.mask_lists import ListEntry, Lists, canonical, matches_user, parse_mask
from chatctl.chat.model.user import User


def somebody(nick: str = "Bob", username: str = "~rob", host: str = "abc.user", account: str = "") -> User:
    user = User(UserId("boot-1"), SessionId(1), nick, username, "Real Name", host, 0)
    user.account = account
    return user


@pytest.mark.parametrize(
    ("given_mask", "whole"),
    [
        ("bob", "bob!*@*"),
        ("*@host", "*!*@host"),
        ("bob!rob", "bob!rob@*"),
        ("!@", "*!*@*"),
        ("b**b!*", "b*b!*@*"),
        ("m:bob", "m:bob!*@*"),
        ("a:bob", "a:bob"),
        ("m:a:bob", "m:a:bob"),
        ("m:m:bob", "m:bob!*@*"),
        ("a:", "a:*"),
    ],
)
def test_mask_is_completed(given_mask: str, whole: str) -> None:
    assert canonical(given_mask) == whole


@pytest.mark.parametrize(
    ("mask", "meant"),
    [
        ("BOB", True),
        ("b?b", True),
        ("bo", False),
        ("*!~ROB@*", True),
        ("*@*.USER", True),
        ("a:*", False),
        ("m:bob", True),
    ],
)
def test_mask_matches_its_users(mask: str, meant: bool) -> None:
    assert matches_user(parse_mask(canonical(mask)), somebody()) is meant


def test_account_mask_matches_any_spelling_of_the_name() -> None:
    mask = parse_mask(canonical("a:Robert"))
    assert matches_user(mask, somebody(account="robert"))
    assert not matches_user(mask, somebody(account="bob"))
    assert not matches_user(mask, somebody())


def test_mute_mask_does_not_prevent_joining() -> None:
    lists = Lists()
    lists.add("b", ListEntry("m:bob!*@*", "alice", 0))
    assert not lists.bans(somebody())
    assert lists.mutes(somebody())
    lists.add("e", ListEntry("m:bob!*@*", "alice", 0))
    assert not lists.mutes(somebody())
    lists.add("b", ListEntry("bob!*@*", "alice", 0))
    assert lists.bans(somebody())  # an exception from silence does not let users in


def test_mask_of_ten_thousand_stars_matches_in_linear_time() -> None:
    mask = canonical("*a" * 50 + "*" * 10_000)
    assert len(mask) < 200
    assert not matches_user(parse_mask(mask), somebody("b" * 32))


@given(st.text(max_size=60))
def test_completed_mask_is_its_own_completion(mask: str) -> None:
    assert canonical(canonical(mask)) == canonical(mask)
