"""The client as a library: with a server of ours, and with scripted ones for what ours would not do."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.chat.rules import Rules
from chatctl.client import Client, Timing
from chatctl.client import events as e
from chatctl.client.ledger import CAUTIOUS_WINDOW
from chatctl.client.link import MOST_WAITING
from chatctl.client.refusals import FullError, InputError, PasswordError
from chatctl.client.registration import Identity
from chatctl.errors import InvalidNameError, NameTakenError, RefusedError, UnreachableError
from chatctl.server import Server
from tests.client.peer import Peer, Talk, eventually
from tests.wire import DEADLINE, Wire

QUICK = Timing(enter=DEADLINE, first_pause=0.01, longest_pause=0.02, own_name=0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=3) as server:
        yield server


def client(port: int, name: str = "ann", **options: object) -> Client:
    options = {"secret": "test", "timing": QUICK, **options}
    return Client("127.0.0.1", port, name=name, **options)  # type: ignore[arg-type]  # whatever the test wants


def heard(client: Client, kind: type[e.Event], count: int = 1) -> list[e.Event]:
    """The next `count` events of a kind."""
    found: list[e.Event] = []
    for event in client.events(DEADLINE):
        if isinstance(event, kind):
            found.append(event)
            if len(found) == count:
                return found
    raise AssertionError(f"only {found} of {kind.__name__}")


def test_start_talk_stop(server: Server) -> None:
    with client(server.port) as ann, client(server.port, "bob") as bob:
        heard(ann, e.Joined, 2)
        assert ann.members("#lobby") == ("ann", "bob")
        assert ann.rooms == ("#lobby",)
        ann.say("#lobby", "hello\n\n  \nагой 👋")
        ann.act("#lobby", "waves")
        bob.notice("ann", "psst")
        assert ann.flush(DEADLINE)
        assert bob.flush(DEADLINE)
        assert [event.text for event in heard(bob, e.Said, 3) if isinstance(event, e.Said)] == [
            "hello",
            "агой 👋",
            "waves",
        ]
        [private] = heard(ann, e.PrivateMessage)
        assert isinstance(private, e.PrivateMessage)
        assert (private.name, private.to, private.kind) == ("bob", "ann", "notice")
    assert not ann.running
    with pytest.raises(UnreachableError):
        ann.say("#lobby", "too late")
    assert not ann.flush(0.0)
    [*_, last] = ann.events(0.0)
    assert isinstance(last, e.Disconnected)


def test_events_by_callback_and_a_callback_that_fails(server: Server) -> None:
    told: list[e.Event] = []
    done = threading.Event()

    def fails(event: e.Event) -> None:
        raise RuntimeError("a listener's own")

    def listens(event: e.Event) -> None:
        told.append(event)
        if isinstance(event, e.Said):
            done.set()

    ann = client(server.port)
    ann.on(fails)
    off = ann.on(listens)
    with ann:
        ann.say("#lobby", "hi")
        assert done.wait(DEADLINE)
        off()
        ann.say("#lobby", "unheard")
        assert ann.flush(DEADLINE)
    assert [event.text for event in told if isinstance(event, e.Said)] == ["hi"]


def test_order_and_number_survive_a_burst(server: Server) -> None:
    with client(server.port) as ann, client(server.port, "bob") as bob:
        for number in range(2000):
            ann.say("#lobby", str(number), timeout=DEADLINE)
        assert ann.flush(DEADLINE)
        said = [event.text for event in heard(bob, e.Said, 2000) if isinstance(event, e.Said)]
        assert said == [str(number) for number in range(2000)]


def test_the_server_says_no(server: Server) -> None:
    with client(server.port), client(server.port, "bob"):
        with pytest.raises(NameTakenError, match="The name Ann is taken"):
            client(server.port, "Ann").start()
        with pytest.raises(InvalidNameError, match="digit"):
            client(server.port, "1st").start()
        with client(server.port, "eve"), pytest.raises(RefusedError, match="listener_limit = 3"):
            client(server.port, "fay").start()


def test_a_password(tmp_path: Path) -> None:
    with Server(port=0, rules=Rules(password="sesam")) as server:
        for wrong in (None, "wrong"):
            with pytest.raises(PasswordError, match="password"):
                client(server.port, password=wrong).start()
        with client(server.port, password="sesam") as ann:
            assert ann.online


def test_nobody_there_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"no chat server answers at 127\.0\.0\.1:{port}"):
        client(port).start()


def test_something_else_is_there() -> None:
    peer = Peer(lambda talk: talk.send("SSH-2.0-OpenSSH_9.2"))
    with peer, pytest.raises(UnreachableError, match="is not a chat server"):
        client(peer.port).start()


@pytest.mark.parametrize("name", ["", "a b", "a\nb"])
def test_a_name_that_cannot_even_be_sent(name: str) -> None:
    with pytest.raises((InvalidNameError, InputError)):
        client(1, name)


def test_what_cannot_be_sent_is_said_to_the_caller(server: Server) -> None:
    with client(server.port) as ann:
        for target in ("", "a b", "#a,#b", ":x"):
            with pytest.raises(InputError, match="not the name of one room or person"):
                ann.say(target, "hi")
        with pytest.raises(InputError, match="bytes too long"):
            ann.topic("#lobby", "x" * 600)
        with pytest.raises(InputError):
            ann.send_raw("PRIVMSG", "#lobby", "a\r\nQUIT")
        ann.say("#lobby", "half a pair: \ud800")
        assert ann.flush(DEADLINE)
        [said] = heard(ann, e.Said)
        assert isinstance(said, e.Said)
        assert said.text == "half a pair: ?"


def test_back_after_a_loss_with_what_was_typed_meanwhile() -> None:
    gone = threading.Event()
    typed = threading.Event()

    def first(talk: Talk) -> None:
        talk.welcome("ann")
        gone.wait(DEADLINE)

    def second(talk: Talk) -> list[str]:
        typed.wait(DEADLINE)
        return talk.welcome("ann").rest()

    with Peer(first, second) as peer, client(peer.port, rooms=["#lobby", "#dev"]) as ann:
        gone.set()
        heard(ann, e.Reconnecting)
        ann.say("#lobby", "while away")
        typed.set()
        heard(ann, e.Reconnected)
        assert ann.flush(DEADLINE)
    lines = peer.talks[1].lines
    assert [line for line in lines if line.startswith(("JOIN", "PRIVMSG", "QUIT"))] == [
        "JOIN #lobby",
        "JOIN #dev",
        "PRIVMSG #lobby :while away",
        "QUIT",
    ]


def test_what_is_in_doubt_is_told_and_not_sent_again() -> None:
    def first(talk: Talk) -> None:
        talk.welcome("ann").until("PRIVMSG")

    def second(talk: Talk) -> list[str]:
        return talk.welcome("ann").rest()

    with Peer(first, second) as peer, client(peer.port) as ann:
        ann.say("#lobby", "did it arrive?")
        [unconfirmed] = heard(ann, e.Unconfirmed)
        assert isinstance(unconfirmed, e.Unconfirmed)
        assert unconfirmed.messages == (e.Outgoing("#lobby", "did it arrive?"),)
        heard(ann, e.Reconnected)
    assert not any(line.startswith("PRIVMSG") for line in peer.talks[1].lines)


def test_another_name_when_ours_stays_taken() -> None:
    def taken(talk: Talk) -> None:
        talk.until("USER")
        talk.send(":s 421 * CAP :Unknown command", ":s 433 * ann :Nickname is already in use")
        talk.until("NICK ann_")
        talk.send(":s 001 ann_ :Hi", ":s 422 ann_ :-").rest()

    def first(talk: Talk) -> None:
        talk.welcome("ann")

    with Peer(first, taken) as peer, client(peer.port) as ann:
        [renamed] = heard(ann, e.Renamed)
        assert isinstance(renamed, e.Renamed)
        assert (renamed.old, renamed.name) == ("ann", "ann_")
        assert ann.name == "ann_"


def test_our_own_name_is_waited_for_first() -> None:
    def taken(talk: Talk) -> None:
        talk.until("USER")
        talk.send(":s 421 * CAP :Unknown command", ":s 433 * ann :Nickname is already in use").rest()

    patient = Timing(enter=DEADLINE, first_pause=0.01, longest_pause=0.01, own_name=DEADLINE)
    scripts = (lambda talk: talk.welcome("ann"), taken, taken, lambda talk: talk.welcome("ann").rest())
    with Peer(*scripts) as peer, client(peer.port, timing=patient) as ann:
        [back] = heard(ann, e.Reconnected)
        assert isinstance(back, e.Reconnected)
        assert back.name == "ann"


def test_it_takes_its_name_back_from_its_own_dead_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Identity("secret", "instance")
    monkeypatch.setattr("chatctl.client.client.identity", lambda *_: known)
    held = Wire(server.port).send("CAP REQ chatctl/resume", "RESUME secret instance", "CAP END").login("ann", "#lobby")
    with client(server.port) as ann:
        assert ann.name == "ann"
    held.sock.close()
    monkeypatch.setattr("chatctl.client.client.identity", lambda *_: Identity("secret", "another running client"))
    dead = Wire(server.port).send("CAP REQ chatctl/resume", "RESUME secret instance", "CAP END").login("ann", "#lobby")
    with pytest.raises(NameTakenError):
        client(server.port).start()
    dead.sock.close()


def test_giving_up() -> None:
    with Peer(lambda talk: talk.welcome("ann")) as peer:
        ann = client(peer.port, give_up_after=0.05).start()
    peer._listener.close()
    [end] = heard(ann, e.Disconnected)
    assert isinstance(end, e.Disconnected)
    assert isinstance(ann.error, UnreachableError)
    assert "gave up" in end.reason
    ann.stop()


def test_without_reconnect_a_loss_is_the_end() -> None:
    with Peer(lambda talk: talk.welcome("ann").send("ERROR :Too much noise")) as peer:
        ann = client(peer.port, reconnect=False).start()
        [end] = heard(ann, e.Disconnected)
    assert isinstance(end, e.Disconnected)
    assert "Too much noise" in end.reason


def test_a_server_that_falls_silent_is_left() -> None:
    timing = Timing(enter=DEADLINE, silence=0.05, answer=0.05, first_pause=0.01)

    def silent(talk: Talk) -> list[str]:
        return talk.welcome("ann").deaf()

    with Peer(silent) as peer, client(peer.port, timing=timing) as ann:
        [loss] = heard(ann, e.Reconnecting)
        assert isinstance(loss, e.Reconnecting)
        assert "does not answer" in loss.reason
    assert any(line.startswith("PING") for line in peer.talks[0].lines)


def test_what_waits_is_bounded_and_told_at_the_end() -> None:
    gone = threading.Event()

    def first(talk: Talk) -> None:
        talk.welcome("ann")
        gone.wait(DEADLINE)

    with Peer(first) as peer:
        ann = client(peer.port, timing=Timing(first_pause=DEADLINE)).start()
        gone.set()
        heard(ann, e.Reconnecting)
        for number in range(MOST_WAITING):
            ann.say("#lobby", str(number))
        with pytest.raises(FullError, match="1000 lines"):
            ann.say("#lobby", "one too many")
        ann.stop()
    [unsent] = heard(ann, e.Unsent)
    assert isinstance(unsent, e.Unsent)
    assert len(unsent.messages) == MOST_WAITING


def test_no_more_is_out_than_a_strange_server_has_dealt_with() -> None:
    seen: list[int] = []

    def slow(talk: Talk) -> list[str]:
        talk.welcome("ann")
        talk.until("PRIVMSG")
        while not talk.lines[-1].endswith(":29"):
            talk.line()
            if talk.lines[-1].startswith("PING"):
                seen.append(sum(line.startswith("PRIVMSG") for line in talk.lines))
                talk.send(f":irc.test PONG irc.test {talk.lines[-1].split(' ', 1)[1]}")
        return talk.rest()

    with Peer(slow) as peer, client(peer.port) as ann:
        for number in range(30):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
    assert [line for line in peer.talks[0].lines if line.startswith("PRIVMSG")] == [
        f"PRIVMSG #lobby :{number}" for number in range(30)
    ]
    assert len(seen) >= 30 // CAUTIOUS_WINDOW


def test_a_server_that_answers_nothing_gets_one_window_full() -> None:
    with Peer(lambda talk: talk.welcome("ann").deaf()) as peer:
        ann = client(peer.port).start()
        for number in range(30):
            ann.say("#lobby", str(number))
        eventually(lambda: sum(line.startswith("PRIVMSG") for line in peer.talks[0].lines) >= CAUTIOUS_WINDOW)
        ann.stop(seconds=0.1)
    assert sum(line.startswith("PRIVMSG") for line in peer.talks[0].lines) == CAUTIOUS_WINDOW
    [unsent] = heard(ann, e.Unsent)
    assert isinstance(unsent, e.Unsent)
    assert len(unsent.messages) == 30 - CAUTIOUS_WINDOW


def test_stopping_sends_what_waits_and_then_quits() -> None:
    with Peer(lambda talk: talk.welcome("ann").rest()) as peer:
        ann = client(peer.port).start()
        for number in range(3):
            ann.say("#lobby", str(number))
        ann.stop("so long")
    lines = [line for line in peer.talks[0].lines if not line.startswith("PING")]
    assert lines[-4:] == ["PRIVMSG #lobby :0", "PRIVMSG #lobby :1", "PRIVMSG #lobby :2", "QUIT :so long"]
    assert peer.talks[0].lines[-1] == "QUIT :so long"


def test_stopping_a_server_that_never_answers_ends_at_the_deadline() -> None:
    with Peer(lambda talk: talk.welcome("ann").deaf()) as peer:
        ann = client(peer.port).start()
        ann.stop(seconds=0.1)
        assert not ann.running
        ann.stop()


def test_stopping_in_a_callback(server: Server) -> None:
    ann = client(server.port)
    ann.on(lambda event: ann.stop("enough") if isinstance(event, e.Said) else None)
    with ann:
        ann.say("#lobby", "stop")
        heard(ann, e.Disconnected)
    eventually(lambda: not ann.running)


def test_many_events_that_nobody_fetches_are_counted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.client.client.MOST_EVENTS", 5)
    with client(server.port) as ann:
        for number in range(20):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
        first, *rest = ann.events(0.0)
    assert isinstance(first, e.Overrun)
    assert [event.text for event in rest if isinstance(event, e.Said)] == ["15", "16", "17", "18", "19"]


def test_no_secret_in_what_is_printed_of_it() -> None:
    shown = repr(client(1, secret="hush", password="hush"))
    assert "hush" not in shown


def test_importing_the_name_loads_nothing_heavy() -> None:
    code = (
        "import sys; from chatctl.client import Client; "
        "print([m for m in ('ssl', 'sqlite3', 'asyncio', 'pydantic', 'typer', 'prompt_toolkit', 'hmac', 'secrets')"
        " if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_client_starts_once(server: Server) -> None:
    with client(server.port) as ann:
        with pytest.raises(InputError, match="starts once"):
            ann.start()
        ann.say("#lobby", "still here")
        assert ann.flush(DEADLINE)
    with pytest.raises(InputError, match="starts once"):
        ann.start()


def test_nothing_is_waited_for_before_the_start() -> None:
    with pytest.raises(InputError, match="not been started"):
        client(1).flush()
    with pytest.raises(InputError, match="not been started"):
        next(client(1).events())


def test_what_would_never_end_in_a_callback_is_refused(server: Server) -> None:
    refused = threading.Event()
    ann = client(server.port)

    def callback(event: e.Event) -> None:
        if isinstance(event, e.Joined):
            try:
                ann.say("#lobby", "hi", timeout=None)
            except RuntimeError:
                refused.set()
            sys.exit("a callback must not end the client")

    ann.on(callback)
    with ann:
        assert refused.wait(DEADLINE)
        ann.say("#lobby", "hi")
        assert ann.flush(DEADLINE)
        assert ann.running


def test_few_events_are_kept_where_a_callback_gets_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.client.client.FEW_EVENTS", 5)
    ann = client(server.port)
    ann.on(lambda event: None)
    with ann:
        for number in range(20):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
        first, *rest = ann.events(0.0)
        assert isinstance(first, e.Overrun)
        assert len(rest) == 5
        for number in range(20):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
        assert len(list(ann.events(0.0))) == 20


def test_a_name_that_is_far_too_long_is_an_invalid_one() -> None:
    with pytest.raises(InvalidNameError, match="too long"):
        client(1, "x" * 600)


def test_waiting_for_the_server_ends_when_the_caller_has_enough() -> None:
    with Peer(lambda talk: talk.welcome("ann").deaf()) as peer:
        ann = client(peer.port).start()
        ann.say("#lobby", "hi")
        assert not ann.flush(enough=lambda: ann.waiting == 1)
        ann.stop(seconds=0.0)


def test_a_server_that_talks_and_does_not_answer_is_left() -> None:
    timing = Timing(enter=DEADLINE, silence=0.05, answer=0.3, first_pause=DEADLINE)
    left = threading.Event()

    def chatter(talk: Talk) -> None:
        talk.welcome("ann")
        talk.until("PING")  # asked at last
        with contextlib.suppress(OSError):
            while not left.wait(0.02):
                talk.send(":bob!u@h PRIVMSG #lobby :la la")

    with Peer(chatter) as peer, client(peer.port, timing=timing) as ann:
        try:
            [loss] = heard(ann, e.Reconnecting)
        finally:
            left.set()
        assert isinstance(loss, e.Reconnecting)
        assert "does not answer" in loss.reason


@pytest.mark.parametrize("reply", [":s 451 * :You have not registered", ":s 410 * LS :Invalid CAP command", ""])
def test_a_taken_name_where_there_is_no_cap(reply: str) -> None:
    def script(talk: Talk) -> None:
        talk.until("USER")
        talk.send(*([reply] if reply else []), ":s 433 * ann :Nickname is already in use").deaf()

    timing = Timing(enter=DEADLINE if reply else 0.2)
    with Peer(script) as peer, pytest.raises(NameTakenError, match="already in use"):
        client(peer.port, timing=timing).start()


def test_giving_up_on_a_server_that_says_no_keeps_its_kind() -> None:
    def full(talk: Talk) -> None:
        talk.until("USER")
        talk.send("ERROR :The chat is full")

    timing = Timing(enter=DEADLINE, first_pause=0.2, longest_pause=0.2)
    with Peer(lambda talk: talk.welcome("ann"), full) as peer:
        ann = client(peer.port, timing=timing, give_up_after=0.01).start()
        heard(ann, e.Disconnected)
    assert type(ann.error) is RefusedError
    assert "The chat is full" in str(ann.error)
