"""Connection commands: CAP, PASS, NICK, USER, RESUME, PING, PONG, QUIT.

Sources: modern.ircdocs.horse, "Connection Messages"; ircv3.net/specs/extensions/capability-negotiation.

Registration is complete when a name and USER have come and no capability negotiation is open; then the session proposes
to register, and the entry decides (:mod:`chatctl.chat.apply.identity`). Answers to NICK before that are advice only.
"""

from __future__ import annotations

import re

from chatctl.chat.apply.bans import name_banned
from chatctl.chat.apply.identity import is_same_client, name_in_use
from chatctl.chat.commands import passwords, sasl
from chatctl.chat.commands.base import (
    Command,
    CommandContext,
    Reply,
    Result,
    label_of,
    line,
    packed,
)
from chatctl.chat.commands.effects import CloseSession, ProbeRequest
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.cloak import token_hash
from chatctl.chat.model.ids import NO_USER
from chatctl.chat.model.line_lengths import USERNAME, realname_length
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message
from chatctl.protocol.standard_replies import standard_reply

CAP_302 = 302
STS_SECONDS = 30 * 24 * 3600
_NOT_USERNAME = re.compile(r"[^A-Za-z0-9._-]")


def nick(context: CommandContext, session: Session, message: Message) -> Result:
    """NICK: before registration the wanted name, after it a rename."""
    wanted = message.param(0)
    if not wanted:
        return [line(n.ERR_NONICKNAMEGIVEN)]
    problem = names.problem(wanted)
    if problem is not None:
        return [line(n.ERR_ERRONEUSNICKNAME, wanted, text=f"That name cannot be used: {problem}")]
    if session.registered:
        return p.Rename(session.id, label_of(message), wanted)
    session.wanted = wanted
    problem = _advice(context, session)
    if problem is not None:
        session.nick = ""
        in_the_way = context.state.user_named(wanted) or context.state.lookalike(wanted)
        probe = [ProbeRequest((in_the_way.id,))] if in_the_way is not None else []
        return [line(n.ERR_NICKNAMEINUSE, wanted, text=problem), *probe]
    session.nick = wanted
    return _account_hint(context, session) if session.negotiating else _complete(context, session, message)


def _advice(context: CommandContext, session: Session) -> str | None:
    """Return whether the wanted name looks taken now; the registration entry will decide."""
    state, wanted = context.state, session.wanted
    holder = state.user_named(wanted)
    if session.negotiating and (state.accounts.named(wanted) is not None or (holder is not None and holder.account)):
        return None  # the client may be about to log in; the entry decides
    if holder is not None and context.account(session) and holder.account == context.account(session):
        return None  # one more session of the same user
    if holder is not None and is_same_client(holder, session.secret, session.instance):
        return None
    problem = name_banned(state, wanted, context.clock())
    return problem or name_in_use(state, wanted, NO_USER, context.account(session))


def user(context: CommandContext, session: Session, message: Message) -> Result:
    """USER: the username and the real name. The username is marked with ``~``, because it is not verified."""
    if session.registered:
        return [line(n.ERR_ALREADYREGISTERED)]
    if not message.param(3):
        return [line(n.ERR_NEEDMOREPARAMS, "USER")]
    username = _NOT_USERNAME.sub("", message.param(0))[:USERNAME]
    session.username = f"~{username or 'user'}"
    session.realname = _within(message.param(3), realname_length(context.rules))
    return _complete(context, session, message)


def _within(text: str, limit: int) -> str:
    """`text` up to `limit` bytes (NAMELEN in ISUPPORT), never through a character."""
    return text.encode()[:limit].decode(errors="ignore")


def password(context: CommandContext, session: Session, message: Message) -> Result:
    """PASS: kept until registration; the last one counts."""
    if session.registered:
        return [line(n.ERR_ALREADYREGISTERED)]
    session.password = message.param(0)
    return None


def resume(context: CommandContext, session: Session, message: Message) -> Result:
    """RESUME <secret> <instance>: what our client shows to get its name back from its own dead connection.

    A command of our own, under the capability ``chatctl/resume``: the secret is an installation's, the instance a
    running client's. Only their hashes are kept.
    """
    if session.registered:
        return [line(n.ERR_ALREADYREGISTERED)]
    session.secret = token_hash(message.param(0))
    session.instance = token_hash(message.param(1))
    if session.wanted and not session.nick and _advice(context, session) is None:
        session.nick = session.wanted
    return _complete(context, session, message)


def _complete(context: CommandContext, session: Session, message: Message) -> Result:
    """Propose to register, where everything is there."""
    if session.negotiating or session.registering or not session.nick or not session.username:
        return None
    if not context.account(session) and not context.rules.guests and not session.console:
        text = "This server requires an account: log in (SASL), or use an invitation"
        return [standard_reply("FAIL", "*", "ACCOUNT_REQUIRED", text=text), CloseSession(text)]
    problem = "" if context.account(session) or session.console else passwords.of_server(context, session)
    if problem:
        return [*_account_hint(context, session), line(n.ERR_PASSWDMISMATCH, text=problem), CloseSession(problem)]
    session.registering = True
    session.transient = session.console or bool(session.caps & caps.TRANSIENT)
    return p.Register(
        session.id,
        label_of(message),
        session.nick,
        session.username,
        session.realname,
        session.host,
        session.secret,
        session.instance,
        session.away,
        context.account_id(session),
        session.transient,
        session.console,
    )


def _account_hint(context: CommandContext, session: Session) -> list[Reply]:
    """Hint our client that the name has an account: it asks for the password, or reports that the name is not free."""
    if not session.caps & caps.STANDARD_REPLIES:
        return []
    account, holder = context.state.accounts.named(session.nick), context.state.user_named(session.nick)
    if account is not None and account.name != context.account(session):
        text = f"The name {session.nick} belongs to an account; its owner can log in"
        return [standard_reply("NOTE", "NICK", "ACCOUNT_REQUIRED", session.nick, text=text)]
    if holder is not None and holder.account not in ("", context.account(session)):
        text = f"The name {session.nick} is taken; who has it can log in and be here once more"
        return [standard_reply("NOTE", "NICK", "NICKNAME_IN_USE", session.nick, text=text)]
    return []


def cap(context: CommandContext, session: Session, message: Message) -> Result:
    """CAP LS, LIST, REQ, END; anything else is 410."""
    subcommand = message.param(0).upper()
    if subcommand == "LS":
        return _cap_ls(context, session, message)
    if subcommand == "LIST":
        return _listed(context, session, "LIST", caps.listing(session.caps, {}))
    if subcommand == "REQ":
        return _cap_req(context, session, message)
    if subcommand == "END":
        session.negotiating = False
        return None if session.registered else _complete(context, session, message)
    return [line(n.ERR_INVALIDCAPCMD, message.param(0) or "*")]


def _cap_ls(context: CommandContext, session: Session, message: Message) -> Result:
    given = message.param(1)
    version = int(given) if given.isascii() and given.isdigit() and len(given) < len("1000000") else 0
    session.cap_version = max(session.cap_version, version)
    if not session.registered:
        session.negotiating = True
    if version >= CAP_302:
        session.caps |= caps.CAP_NOTIFY
    values = {**context.cap_values, "sasl": sasl.mechanisms(session)} if version >= CAP_302 else {}
    listed = caps.listing(context.offered, values)
    if version >= CAP_302:
        listed += _transport(context, session)
    return _listed(context, session, "LS", listed)


def _transport(context: CommandContext, session: Session) -> list[str]:
    """``sts`` (ircv3.net/specs/extensions/sts): without TLS the port for TLS, under TLS the duration of the policy.

    It cannot be requested, so it is not a row of the table. Clients on this machine are not told: no certificate names
    it.
    """
    if not context.sts_port or session.local:
        return []
    return [f"sts=duration={STS_SECONDS}" if session.encrypted else f"sts=port={context.sts_port}"]


def _listed(context: CommandContext, session: Session, subcommand: str, listed: list[str]) -> list[Reply]:
    """List the capabilities, on several lines if the client knows that form (CAP 302). Other clients see no drafts, so
    that it is one line."""
    called = context.called(session)
    if session.cap_version < CAP_302:
        final = " ".join(name for name in listed if subcommand != "LS" or not name.startswith("draft/"))
        return [
            Message("CAP", (called, subcommand, text))
            for text in packed(final.split(), _room(context, session)) or [""]
        ]
    texts = packed(listed, _room(context, session)) or [""]
    replies: list[Reply] = [Message("CAP", (called, subcommand, "*", text)) for text in texts[:-1]]
    replies.append(Message("CAP", (called, subcommand, texts[-1])))
    return replies


def _room(context: CommandContext, session: Session) -> int:
    """Return the bytes for names on a line of CAP."""
    return MAX_LINE_BYTES - len(f":{context.rules.server_name} CAP {context.called(session)} LIST * :\r\n".encode())


def changed(context: CommandContext, session: Session, gone: int, new: int) -> list[Reply]:
    """CAP DEL and CAP NEW, each on as many lines as it needs."""
    listed = (("DEL", caps.listing(gone, {})), ("NEW", caps.listing(new, context.cap_values)))
    called = context.called(session)
    return [
        Message("CAP", (called, word, text))
        for word, names in listed
        for text in packed(names, _room(context, session))
    ]


def _cap_req(context: CommandContext, session: Session, message: Message) -> Result:
    if not session.registered:
        session.negotiating = True
    mask = session.caps
    asked = message.param(1)
    if len(asked.encode()) > _room(context, session):
        # The answer repeats the request after both names, and must fit into a line.
        return [line(n.ERR_INPUTTOOLONG)]
    for word in asked.split():
        removing = word.startswith("-")
        row = caps.BY_NAME.get(word.removeprefix("-"))
        # CAP 302 implies cap-notify; it cannot be given up then (capability-negotiation, "cap-notify").
        if (
            row is None
            or not row.bit & context.offered
            or (removing and row.bit == caps.CAP_NOTIFY and session.cap_version >= CAP_302)
            or (row.bit == caps.TRANSIENT and session.registered)  # it is decided by the registration
        ):
            return [Message("CAP", (context.called(session), "NAK", asked))]
        mask = mask & ~row.bit if removing else mask | row.bit
    session.caps = mask
    return [Message("CAP", (context.called(session), "ACK", asked))]


def ping(context: CommandContext, session: Session, message: Message) -> Result:
    """PING: answered in its place, after what the session's earlier commands caused."""
    if not message.param(0):
        return [line(n.ERR_NOORIGIN)]
    pong = Message("PONG", (context.rules.server_name, message.param(0)), context.rules.server_name)
    return [pong if len(pong.line) <= MAX_LINE_BYTES else line(n.ERR_INPUTTOOLONG)]


def pong(context: CommandContext, session: Session, message: Message) -> Result:
    """PONG: that something came was all that was asked."""
    return None


def quit_chat(context: CommandContext, session: Session, message: Message) -> Result:
    """QUIT: the others read the reason with ``Quit:`` before it, so that it cannot pass for a lost connection."""
    reason = message.param(0)
    shown = f"Quit: {reason}" if reason else "Quit"
    if session.registered or session.registering:
        return p.Quit(session.id, label_of(message), shown)
    return [CloseSession(shown)]


COMMANDS = (
    Command("CAP", cap, least=1, before=True),
    Command("NICK", nick, before=True),
    Command("PASS", password, least=1, before=True),
    Command("PING", ping, least=1, before=True),
    Command("PONG", pong, before=True),
    Command("QUIT", quit_chat, before=True),
    Command("RESUME", resume, least=2, before=True),
    Command("USER", user, least=4, before=True),
)
