"""Identity of users: registration, names, presence (modern.ircdocs.horse, "Connection Registration", "NICK
message")."""

from __future__ import annotations

from chatctl.chat.apply import members, replay_positions, short_visits
from chatctl.chat.apply.bans import account_banned, name_banned
from chatctl.chat.apply.members import show_away
from chatctl.chat.apply.membership import end_session, leave_chat
from chatctl.chat.apply.modes import written
from chatctl.chat.apply.operators import acting_operator, make_operator
from chatctl.chat.apply.redo import AttachmentRedo, MemberRedo, OperatorRedo, RenameRedo
from chatctl.chat.apply.undo import UndoNick
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import (
    Attached,
    CameOnline,
    Form,
    InForms,
    ProbeUsers,
    Registered,
    Rejected,
    RoomsShown,
    SendFail,
    ToSession,
    ToUsers,
    WentOffline,
)
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.ids import NO_USER, SessionId, UserId
from chatctl.chat.model.line_lengths import away_length, realname_length
from chatctl.chat.model.modes import PREFIXES, SERVER_OPERATOR
from chatctl.chat.model.replay_positions import PRIVATE
from chatctl.chat.model.reserved_names import reserved_problem
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message
from chatctl.protocol.standard_replies import standard_reply

ASK_ALL_AGAIN_MS = 1000
"""After all users were probed because the server is full, how long they are not probed again."""


def register(state: State, proposal: p.Register, outcome: Outcome) -> None:
    """Register a session, if its name and a place are free.

    A reconnecting client (both of its tokens match) takes its name from its dead connection at once. For other clients,
    the holder of the name is probed and the client is told to try again. A session that is logged in to an account is
    attached to the user of that account, whatever name it asks for ([one-user] in members.py).
    """
    session = proposal.session
    account = state.accounts.with_id(proposal.account_id)
    if account is not None and account_banned(state, session, account.name, outcome):
        return
    own = state.user_of_account(proposal.account_id) if account is not None else None
    if own is not None:
        _attach(state, own, proposal, outcome)
        return
    holder = state.user_named(proposal.nick)
    same = holder is not None and is_same_client(holder, proposal.secret, proposal.instance)
    if holder is not None and same and not members.is_member(state, holder):
        leave_chat(state, holder, "Connected again from elsewhere", outcome, drop=True)
        holder = None
    problem = name_banned(state, proposal.nick, outcome.entry.time)
    problem = problem or name_in_use(state, proposal.nick, NO_USER, account.name if account is not None else "")
    if problem is not None:
        _refuse_name(state, proposal, holder, problem, outcome)
        return
    if not proposal.console and state.places_taken >= state.rules.listener_limit:
        _refuse_place(state, session, outcome)
        return
    id, now = UserId(outcome.entry.message_id()), outcome.entry.time
    user = User(id, session, proposal.nick, proposal.username, proposal.realname, proposal.host, now)
    user.secret = proposal.secret
    user.instance = proposal.instance
    user.away = proposal.away
    user.transient, user.console = proposal.transient, proposal.console
    user.named_at = outcome.entry.seq
    state.add_user(user)
    if proposal.transient:
        state.short_visits.register(session)
    if account is not None:
        state.log_in(user, account)
    outcome.deliveries.append(Registered(session, user.id))
    if account is not None:
        if account.operator:
            make_operator(state, user, account.name, outcome)
        members.welcome_member(state, outcome, user)
        outcome.redo += (OperatorRedo(user), MemberRedo(user))
    outcome.deliveries.append(CameOnline(user.nick, user.prefix, quiet=user.transient))


def _attach(state: State, user: User, proposal: p.Register, outcome: Outcome) -> None:
    """Attach another session to a connected user. A reconnecting client replaces its own dead session."""
    session, tokens = proposal.session, proposal.secret + proposal.instance
    held = user.sessions if user.sessions is not None else {user.session: user.secret + user.instance}
    dead = [id for id, known in held.items() if tokens and known == tokens]
    if len(held) - len(dead) >= members.MAX_SESSIONS:
        text = f"{user.nick} is here {len(held)} times already, and more is not possible; close one of your clients"
        outcome.deliveries.append(Rejected(session, text))
        return
    if not short_visits.take_place(state, user, proposal):
        _refuse_place(state, session, outcome)
        return
    if user.transient and not proposal.transient:
        user.transient = False
        outcome.deliveries.append(CameOnline(user.nick, user.prefix))
    now, was_present = outcome.entry.time, members.is_present(state, user)
    since = replay_positions.positions(state, user, now)
    state.attach(user, session, tokens, proposal.away)
    if proposal.transient:
        state.short_visits.register(session)
    members.update_presence(state, outcome, user, was_present=was_present, away=proposal.away)
    if members.is_member(state, user):
        replay_positions.note_entered(state, outcome, user, (*user.rooms, PRIVATE))
    for id in dead:
        end_session(state, user, id, "Connected again from elsewhere", outcome, drop=True)
    outcome.deliveries.append(Attached(session, user.id))
    outcome.deliveries.append(RoomsShown(session, user.id, since, outcome.entry.seq))
    outcome.redo += (AttachmentRedo(user, session, since),)


def _refuse_name(state: State, proposal: p.Register, holder: User | None, problem: str, outcome: Outcome) -> None:
    """Refuse a name, and probe its holder, or that of a similar name: the connection may be dead."""
    session = proposal.session
    if state.accounts.named(proposal.nick) is not None:
        # For our client, which then asks for the password rather than for another name.
        server = state.rules.server_name
        note = standard_reply("NOTE", "NICK", "ACCOUNT_REQUIRED", proposal.nick, text=problem, source=server)
        outcome.deliveries.append(ToSession(session, note, outcome.untagged(), caps.STANDARD_REPLIES))
    outcome.send_numeric(session, n.ERR_NICKNAMEINUSE, proposal.nick, text=problem)
    in_the_way = holder or state.lookalike(proposal.nick)
    if in_the_way is not None:
        outcome.deliveries.append(ProbeUsers((in_the_way.id,)))
    outcome.deliveries.append(Rejected(session))


def _refuse_place(state: State, session: SessionId, outcome: Outcome) -> None:
    """Refuse a session because the server is full, and probe all users: some connections may be dead."""
    if outcome.entry.time - state.all_probed_at >= ASK_ALL_AGAIN_MS:
        state.all_probed_at = outcome.entry.time
        outcome.deliveries.append(ProbeUsers(tuple(state.users)))
    outcome.deliveries.append(Rejected(session, full(state.rules.listener_limit)))


def full(limit: int) -> str:
    """Return the error for a user if the server is full."""
    places = "the one place is" if limit == 1 else f"all {limit} places are"
    return (
        f"The chat is full: {places} taken (listener_limit = {limit}). "
        "Try again when a user has left, or ask the operator to raise the limit"
    )


def is_same_client(holder: User, secret: str, instance: str) -> bool:
    """Return whether the tokens say that `holder` is an earlier connection of the same running client."""
    return bool(secret) and holder.secret == secret and holder.instance == instance


def name_in_use(state: State, nick: str, user: UserId, account: str) -> str | None:
    """Return why another user keeps `user` (NO_USER: a session that registers) from having `nick`, or None.

    `account`: the name of the account that is logged in to, or ``""``.
    """
    own = reserved_problem(nick, state.rules.server_name)
    if own is not None:
        return f"{own}; please choose another"
    owner = state.accounts.named(nick) or state.accounts.alike(nick)
    if owner is not None and owner.name != account:
        if owner.key == names.fold(nick):
            return f"The name {nick} belongs to an account; log in to it, or choose another name"
        return f"The name {nick} looks too much like {owner.name}, an account; please choose another"
    holder = state.user_named(nick)
    if holder is not None and holder.id != user:
        spelling = "" if holder.nick == nick else f" (by {holder.nick}, which counts as the same name)"
        return f"The name {nick} is taken{spelling}; please choose another"
    if state.held_names.get(names.fold(nick), (user,))[0] != user:
        return f"The name {nick} is being given up at this moment; please try again"
    alike = state.lookalike(nick, user)
    if alike is not None:
        return f"The name {nick} looks too much like {alike.nick}, who is here; please choose another"
    return None


def rename(state: State, proposal: p.Rename, outcome: Outcome) -> None:
    """NICK after registration. Another spelling of the own name is allowed; the same spelling changes nothing."""
    user = outcome.source
    if user is None or user.nick == proposal.nick:
        return
    problem = name_banned(state, proposal.nick, outcome.entry.time)
    problem = problem or name_in_use(state, proposal.nick, user.id, user.account)
    if problem is not None:
        outcome.send_numeric(user.id, n.ERR_NICKNAMEINUSE, proposal.nick, text=problem)
        holder = state.user_named(proposal.nick)
        if holder is not None:
            outcome.deliveries.append(ProbeUsers((holder.id,)))
        return
    _give_name(state, user, proposal.nick, outcome)


def return_nick(state: State, proposal: p.ReturnNick, outcome: Outcome) -> None:
    """Give an offline member the name of its account, if that is free."""
    user = state.user_of_account(proposal.account_id)
    if user is None or not user.offline or user.nick == user.account:
        return
    if name_in_use(state, user.account, user.id, user.account) is None:
        outcome.source = user
        _give_name(state, user, user.account, outcome)


def _give_name(state: State, user: User, nick: str, outcome: Outcome) -> None:
    message = Message("NICK", (nick,), user.prefix)
    audience = (user.id, *state.peers(user))
    outcome.deliveries.append(ToUsers(audience, message, outcome.stamp()))
    for room in user.rooms.values():
        outcome.add_room_fact(room, "NICK", user, nick)
    was, key, prefix = user.nick, user.key, user.prefix
    outcome.undo += (UndoNick(user.id, was, nick, user.named_at),)
    if outcome.facts:
        state.held_names[key] = user.id, outcome.entry.seq
    state.add_former_nick(user, outcome.entry.time)
    state.rename(user, nick)
    user.named_at = outcome.entry.seq
    if not outcome.facts:
        outcome.redo += (RenameRedo(user, prefix),)
    if user.key != key and not user.transient:
        outcome.deliveries.append(WentOffline(was))
        outcome.deliveries.append(CameOnline(user.nick, user.prefix))


def set_away(state: State, proposal: p.SetAway, outcome: Outcome) -> None:
    """AWAY."""
    user = outcome.source
    if user is None:
        return
    limit = away_length(state.rules)
    if len(proposal.reason.encode()) > limit:
        text = f"An away message has at most {limit} bytes; you are not marked as away"
        outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG, text=text)
        return
    changed = user.set_away(proposal.session, proposal.reason)
    outcome.send_numeric(user.id, n.RPL_NOWAWAY if user.away else n.RPL_UNAWAY)
    if changed:
        show_away(state, user, outcome)


def set_realname(state: State, proposal: p.SetRealname, outcome: Outcome) -> None:
    """SETNAME (ircv3.net/specs/extensions/setname): sent to all sessions that negotiated it, including the user's
    own."""
    user = outcome.source
    if user is None:
        return
    limit = realname_length(state.rules)
    problem = "A real name cannot be empty" if not proposal.realname.strip() else ""
    if len(proposal.realname.encode()) > limit:
        problem = f"A real name has at most {limit} bytes; yours was not changed"
    if problem:
        outcome.deliveries.append(SendFail(user.id, "SETNAME", "INVALID_REALNAME", (), problem))
        return
    user.realname = proposal.realname
    message = Message("SETNAME", (user.realname,), user.prefix)
    audience = (user.id, *state.peers(user))
    outcome.deliveries.append(InForms((outcome.form(caps.SETNAME, message),), users=audience, watched=user.nick))


def set_user_modes(state: State, proposal: p.SetUserModes, outcome: Outcome) -> None:
    """MODE of oneself."""
    user = outcome.source
    if user is None:
        return
    done: list[p.ModeChange] = []
    for change in proposal.changes:
        if (change.letter in user.modes) is change.add:
            continue
        if change.letter == SERVER_OPERATOR:
            if change.add:
                continue  # only OPER gives it; asking for it otherwise is passed over without a word
            user.operator = ""
        rest = user.modes.replace(change.letter, "")
        state.change_modes(user, "".join(sorted(rest + change.letter)) if change.add else rest)
        done.append(change)
    if done:
        message = Message("MODE", (user.nick, *written(done)), user.prefix)
        outcome.deliveries.append(ToUsers((user.id,), message, outcome.stamp()))
    if proposal.unknown:
        outcome.send_numeric(user.id, n.ERR_UMODEUNKNOWNFLAG)


def change_host(state: State, proposal: p.ChangeHost, outcome: Outcome) -> None:
    """CHGHOST by an operator of the server (ircv3.net/specs/extensions/chghost). Clients without it see the user leave
    and come back."""
    operator, user = acting_operator(outcome), state.user_named(proposal.nick)
    if operator is None:
        return
    if user is None:
        outcome.send_numeric(operator.id, n.ERR_NOSUCHNICK, proposal.nick)
        return
    if user.host == proposal.host:
        return
    old = user.prefix
    change = outcome.form(caps.CHGHOST, Message("CHGHOST", (user.username, proposal.host), old))
    peers = tuple(state.peers(user))
    outcome.deliveries.append(InForms((change,), users=(user.id, *peers), watched=user.nick))
    user.host = proposal.host
    user.named(user.nick)
    state.changed(user)
    gone = Message("QUIT", ("Changing host",), old)
    knows = outcome.form(caps.CHGHOST, None)
    outcome.deliveries.append(InForms((knows, outcome.form(0, gone)), users=peers))
    for room in user.rooms.values():
        _come_back(outcome, room, user, knows, state.rules.server_name)
    outcome.log("host changed", user=user.id, nick=user.nick, operator=operator.operator)


def _come_back(outcome: Outcome, room: Room, user: User, knows: Form, server: str) -> None:
    extended = Message("JOIN", (room.name, user.account or "*", user.realname), user.prefix)
    plain = Message("JOIN", (room.name,), user.prefix)
    forms = (knows, outcome.form(caps.EXTENDED_JOIN, extended), outcome.form(0, plain))
    outcome.deliveries.append(InForms(forms, room.key, but=user.id))
    letters = "".join(row.letter for row in PREFIXES if room.members[user.id] & row.bit)
    if letters:
        mode = Message("MODE", (room.name, f"+{letters}", *[user.nick] * len(letters)), server)
        outcome.deliveries.append(InForms((knows, outcome.form(0, mode)), room.key, but=user.id))
