"""Names that belong to the server: no user and no account may have one, nor one that looks like it.

A name is refused if its skeleton (:func:`chatctl.protocol.names.skeleton`) equals that of a reserved name. This is
stricter than the rule between users (:func:`chatctl.protocol.names.too_alike`), which lets two ASCII names be alike:
``N1ckServ`` is refused, because users send passwords to NickServ.
"""

from __future__ import annotations

from chatctl.protocol import names

NICKSERV = "NickServ"

RESERVED = (
    NICKSERV,
    # Services of other IRC networks, which users and clients trust by their names.
    *("AuthServ", "BotServ", "ChanServ", "HelpServ", "HistServ", "HostServ", "MemoServ", "OperServ", "SaslServ"),
    "chatctl",
)

_BY_SKELETON = {names.skeleton(name): name for name in RESERVED}


def reserved_problem(name: str, server_name: str) -> str | None:
    """Return why `name` is the server's own, as a clause; None if it is free for users.

    Args:
        name: The wanted nick or account name.
        server_name: The server's name, which is reserved too: it is the source of the server's own messages.
    """
    skeleton = names.skeleton(name)
    own = server_name if skeleton == names.skeleton(server_name) else _BY_SKELETON.get(skeleton)
    if own is None:
        return None
    if names.fold(own) == names.fold(name):
        return f"The name {name} is the server's own"
    return f"The name {name} looks too much like {own}, which is the server's own"
