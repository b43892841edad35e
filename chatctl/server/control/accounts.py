"""Accounts and invitations by the control socket (control.py): what `chatctl accounts` and `invite` ask for.

Passwords never come here: a verifier is made where the password was typed, and an invitation is known by the hash of
its token.

- ``accounts``: the answer has ``accounts``, a list of objects.
- ``add-account``, ``set-password``: ``name``, ``verifier``. ``remove-account``: ``name``. ``promote``: ``name``,
  ``operator`` (true or false). ``set-always-on``: ``name``, ``always_on`` (on, off or default).
- ``invite``: ``key`` (the token's hash), ``uses``, ``expires`` (ms since 1970 UTC), ``room``.

The answer has ``text``, the sentence to show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.engine.hub import Hub
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.state import State
from chatctl.protocol import scram
from chatctl.server.control.control import Answer, Handler

_Make = Callable[[Mapping[str, object]], p.Proposal]


def account_handlers(hub: Hub) -> Mapping[str, Handler]:
    """Return the handlers, by command."""

    def asking(make: _Make) -> Handler:
        def handle(request: Mapping[str, object], answer: Answer) -> None:
            def answered(done: bool, text: str) -> None:
                answer({"ok": True, "text": text} if done else {"ok": False, "error": text})

            try:
                proposal = make(request)
            except (KeyError, ValueError) as error:
                answer({"ok": False, "error": f"The server does not understand this request ({error})"})
            else:
                hub.admin_requests.ask(proposal, answered)

        return handle

    def accounts(request: Mapping[str, object], answer: Answer) -> None:
        answer({"ok": True, "accounts": listed(hub.state)})

    return {"accounts": accounts, **{command: asking(make) for command, make in _PROPOSALS.items()}}


def listed(state: State) -> list[dict[str, object]]:
    """Return all accounts, as the answer to ``accounts`` has them."""
    here = Counter(user.account_id for user in state.users.values() if not user.offline)
    return [
        {
            "name": account.name,
            "created": account.created,
            "operator": account.operator,
            "here": here[account.id],
            "offline": (user := state.user_of_account(account.id)) is not None and user.offline,
            "always_on": {True: "on", False: "off", None: "default"}[account.always_on],
        }
        for account in state.accounts
    ]


def _verifier(request: Mapping[str, object]) -> str:
    return str(scram.parse(str(request["verifier"])))


def _number(request: Mapping[str, object], key: str) -> int:
    value = request[key]
    if not isinstance(value, int):
        raise ValueError(key)  # values of a request may have any type
    return value


def _choice(request: Mapping[str, object]) -> str:
    value = str(request["always_on"])
    if value not in ("on", "off", "default"):
        raise ValueError("always_on")
    return value


def proposal_for(request: Mapping[str, object]) -> p.Proposal:
    """Return the proposal of a request. Raises KeyError and ValueError for an invalid one."""
    return _PROPOSALS[str(request["command"])](request)


_PROPOSALS: Mapping[str, _Make] = {
    "add-account": lambda request: p.AddAccount(
        NO_SESSION, "", str(request["name"]), _verifier(request), CONTROL, operator=bool(request.get("operator"))
    ),
    "set-password": lambda request: p.ChangeAccount(NO_SESSION, "", str(request["name"]), CONTROL, _verifier(request)),
    "promote": lambda request: p.ChangeAccount(
        NO_SESSION, "", str(request["name"]), CONTROL, operator=bool(request["operator"])
    ),
    "set-always-on": lambda request: p.ChangeAccount(
        NO_SESSION, "", str(request["name"]), CONTROL, always_on=_choice(request)
    ),
    "remove-account": lambda request: p.RemoveAccount(NO_SESSION, "", str(request["name"]), CONTROL),
    "invite": lambda request: p.AddInvitation(
        NO_SESSION,
        "",
        str(request["key"]),
        _number(request, "uses"),
        _number(request, "expires"),
        str(request["room"]),
        CONTROL,
    ),
}
