"""Operators of the server: OPER and its effects (modern.ircdocs.horse, "OPER message", "User Modes")."""

from __future__ import annotations

from chatctl.chat.commands.login_throttle import FREE_ATTEMPTS
from chatctl.chat.entries.tasks import CheckPassword, ReadSettings
from chatctl.chat.model.policy import Rules
from chatctl.protocol import scram
from tests.chat.world import START, World

VERIFIER = str(scram.make("tea at five", b"salt", 4096))
RULES = Rules(listener_limit=100, created=START, operators={"root": VERIFIER})


def test_correct_password_makes_an_operator() -> None:
    """RPL_YOUREOPER (381) and MODE +o; WHOIS shows it (313)."""
    world = World(RULES)
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    got = ann.send("OPER root :tea at five").read()
    assert [(m.command, m.params[-1]) for m in got] == [
        ("381", "You are an operator of this server now"),
        ("MODE", "+o"),
    ]
    assert ann.user.operator == "root"
    assert "313" in bob.send("WHOIS ann").commands()
    assert ann.send("MODE ann").one("221").params[-1] == "+o"
    assert ann.send("OPER root :tea at five").commands() == ["381"]


def test_wrong_password_and_unknown_name_are_refused() -> None:
    world = World(RULES)
    ann = world.person("ann")
    assert ann.send("OPER root nonsense").commands() == ["464"]
    assert ann.send("OPER absent nonsense").commands() == ["491"]
    assert ann.send("OPER root").commands() == ["461"]
    assert not ann.user.operator
    logged = str(world.log.events)
    assert "operator refused" in logged
    assert "nonsense" not in logged


def test_mode_removes_operator_status_but_does_not_grant_it() -> None:
    world = World(RULES)
    ann = world.person("ann")
    assert ann.send("MODE ann +o").lines() == []
    assert not ann.user.operator
    ann.send("OPER root :tea at five").forget()
    assert ann.send("MODE ann -o").one("MODE").params == ["ann", "-o"]
    assert not ann.user.operator
    assert "313" not in ann.send("WHOIS ann").commands()


def test_lines_after_oper_wait_for_its_result() -> None:
    world = World(RULES)
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    world.workers.held = True
    ann.send("OPER root :tea at five", "PING 1")
    assert ann.lines() == []
    assert bob.send("PING 2").commands() == ["PONG"]
    world.workers.let_go()
    world.tick()
    assert ann.commands() == ["381", "MODE", "PONG"]


def test_session_that_left_during_the_check_is_ignored() -> None:
    world = World(RULES)
    ann = world.person("ann")
    world.workers.held = True
    ann.send("OPER root :tea at five")
    world.gone(ann)
    world.workers.let_go()
    world.tick()
    assert world.hub.idle


def test_wrong_passwords_are_delayed_increasingly() -> None:
    """The delay grows; who knows the password and comes from elsewhere is not kept waiting."""
    world = World(RULES)
    guesser = world.connect("192.0.2.1")
    guesser.send("NICK eve", "USER u 0 * :r").forget()
    asked = []
    world.workers.held = True
    for _ in range(1000):
        guesser.send("OPER root guess")
        asked += world.workers.tasks
        world.workers.let_go()
        world.tick()
    assert len([task for _, task, _ in asked if isinstance(task, CheckPassword)]) == FREE_ATTEMPTS + 1
    assert "please wait" in guesser.lines()[-1]
    world.workers.held = False
    owner = world.connect("192.0.2.2")
    owner.send("NICK ann", "USER u 0 * :r").forget()
    assert "381" in owner.send("OPER root :tea at five").commands()
    world.now += 1000
    assert "wait" not in guesser.send("OPER root guess").lines()[-1]
    assert "wait 2 s" in guesser.send("OPER root guess").lines()[-1]


def test_oper_in_clear_is_refused() -> None:
    world = World(RULES)
    ann = world.connect("192.0.2.1", secure=False).send("NICK ann", "USER u 0 * :r").forget()
    assert "TLS" in ann.send("OPER root :tea at five").one("464").params[-1]
    assert not ann.user.operator


def test_local_session_without_a_guess_may_try() -> None:
    world = World(RULES)
    eve, ann = world.person("eve"), world.person("ann")
    eve.send(*["OPER root guess"] * 1000).forget()
    bob = world.person("bob")
    assert "wrong" in bob.send("OPER root guess").one("464").params[-1]
    assert "wait" in ann.send("OPER root :tea at five").one("464").params[-1]
    world.now += 1000
    assert ann.send("OPER root :tea at five").commands() == ["381", "MODE"]


def test_oper_is_refused_if_too_many_tasks_wait() -> None:
    world = World(RULES)
    ann = world.person("ann")
    world.workers.held = True
    ann.send("OPER root :tea at five")
    _, _, done = world.workers.tasks.pop()
    done(None)
    world.tick()
    assert "try again" in ann.one("464").params[-1]


def test_changed_operators_take_effect_at_once() -> None:
    """REHASH between a right password and its entry, and after it: a name that is gone gives nothing any more."""
    world = World(RULES)
    ann, bob = world.person("ann"), world.person("bob")
    ann.send("OPER root :tea at five").forget()
    world.workers.held = True
    bob.send("OPER root :tea at five")
    oper = world.workers.tasks.pop()
    world.hub.reread_settings()
    world.workers.settings = ReadSettings({"operators": {"other": VERIFIER}}, ("changed",), "chatctl.toml")
    world.workers.let_go()
    world.tick()
    assert ann.one("MODE").params == ["ann", "-o"]
    assert ann.send("REHASH").commands() == ["481"]
    world.workers.tasks.append(oper)
    world.workers.let_go()
    world.tick()
    assert bob.commands() == ["491"]


def test_kill_of_nickserv_is_refused() -> None:
    ann = World(RULES).person("ann")
    ann.send("OPER root :tea at five").forget()
    told = ann.send("KILL nickserv :spam").one("483")
    assert told.params == ["ann", "NickServ is part of the server and cannot be killed"]
