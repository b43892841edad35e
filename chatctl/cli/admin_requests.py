"""Accounts, invitations and bans, whether a server runs or not: the running server is asked, else a stand-in for it
changes the data folder itself, by the same rules, and says so."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatctl.cli.failures import hint
from chatctl.errors import ChatctlError, ConfigError, StartError, UnreachableError

if TYPE_CHECKING:
    from chatctl.chat.entries import proposals as p
    from chatctl.chat.model.state import State
    from chatctl.journal.exchange.offline import StoppedJournal

NOT_KEPT = "one with --no-history keeps its own, in memory, and takes no commands"
"""Of a server that may be running all the same: the folder says nothing of it."""

_Ask = Callable[[Mapping[str, object]], Mapping[str, object]]


@contextmanager
def asking(
    data_dir: str | None, config: str | None, what: str = "accounts", *, reading: bool = False
) -> Iterator[_Ask]:
    """Return what answers requests: the running server, or the data folder. `what` names the subject in errors.

    Refusals are raised as ChatctlError. With `reading`, a missing folder is not made.
    """
    from chatctl.cli.control_client import ask_server
    from chatctl.config import load
    from chatctl.journal import holder, journal_file, prepare
    from chatctl.journal.exchange.offline import StoppedJournal
    from chatctl.journal.store.damage import refuse_remains
    from chatctl.wiring import data_folder

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    if not loaded.settings.history.enabled:
        raise ConfigError(f"With history.enabled = false {what} end with the server; there is nothing to change here")
    folder = data_folder(loaded)
    held = holder(folder)
    if held is not None:
        try:
            ask_server(folder, {"command": "status"})
        except UnreachableError:
            raise StartError(f"The data folder {folder} is in use by {held}; try again when that has ended") from None
        yield lambda request: ask_server(folder, request)
        return
    note = f"{'Reading' if reading else 'Writing to'} {folder}; no server runs on it ({NOT_KEPT})"
    refuse_remains(journal_file(folder))
    if reading and not journal_file(folder).exists():
        yield lambda request: _stand_in(None, request, note)
        return
    with StoppedJournal(prepare(folder)) as stopped:
        yield lambda request: _stand_in(stopped, request, note)


def _stand_in(stopped: StoppedJournal | None, request: Mapping[str, object], note: str) -> Mapping[str, object]:
    """Return the answer that the server would give; `note` is a hint for people. Without a folder it is empty."""
    from chatctl.chat.model.policy import Rules
    from chatctl.chat.model.state import State
    from chatctl.server.control import accounts, moderation

    command = request["command"]
    if command == "reach":
        raise UnreachableError(
            f"No server runs on this folder ({NOT_KEPT}), so no invitation can be made; start one with chatctl serve"
        )
    hint(note)
    state = State(Rules())
    for record in stopped.records() if stopped is not None else ():
        state.accounts.restore(record)
    if command == "accounts":
        return {"accounts": accounts.listed(state)}
    if command == "bans":
        return {"bans": moderation.bans_listed(state, _now())}
    assert stopped is not None
    theirs = moderation if command in moderation.PROPOSALS else accounts
    return {"text": _apply(stopped, state, theirs.proposal_for(request))}


def _apply(stopped: StoppedJournal, state: State, proposal: p.Proposal) -> str:
    from chatctl.chat.apply import apply
    from chatctl.chat.entries.proposals import Entry

    # As the next entry would be: the id of a new account must be unlike any other.
    outcome = apply(state, Entry(stopped.last_seq() + 1, _now(), secrets.token_hex(8), proposal))
    done, text = outcome.verdict
    if not done:
        raise ChatctlError(text)
    stopped.change({key: state.accounts.get(key) for key in outcome.records})
    return text


def _now() -> int:
    return time.time_ns() // 1_000_000
