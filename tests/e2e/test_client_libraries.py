"""A whole conversation between independent client libraries, with a real server process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.libraries import Jaraco, LibraryClient, Mini
from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import Wire

pytestmark = [
    pytest.mark.e2e,
    # The libraries' own: what they warn of is not ours to mend.
    pytest.mark.filterwarnings("default"),
]


@pytest.mark.parametrize("swapped", [False, True])
def test_library_holds_a_conversation(tmp_path: Path, *, swapped: bool) -> None:
    with ServeProcess(tmp_path, CHATCTL_DATA_DIR=str(tmp_path / "data")) as server:
        first, second = (Mini, Jaraco) if swapped else (Jaraco, Mini)
        ann: LibraryClient = first(server.port, "ann")
        bob: LibraryClient = second(server.port, "bob")
        ann.until("422")
        bob.until("422")
        _talk(ann, bob)
        ann.close()
        bob.close()
        assert server.stop()[0] == 0


@pytest.mark.parametrize("library", [Jaraco, Mini])
def test_library_logs_in_by_sasl(tmp_path: Path, library: type[Jaraco] | type[Mini]) -> None:
    with ServeProcess(tmp_path, CHATCTL_DATA_DIR=str(tmp_path / "data")) as server:
        made = chatctl(
            tmp_path, "accounts", "add", "ann", stdin="a password\n", CHATCTL_DATA_DIR=str(tmp_path / "data")
        )
        assert made.returncode == 0, made.stderr
        ann: LibraryClient = library(server.port, "ann", "a password")
        ann.until("422")
        ann.send("WHOIS ann")
        assert "ann" in ann.until("330")[2]
        ann.until("318")
        ann.close()


@pytest.mark.parametrize("swapped", [False, True])
def test_library_reads_members_lost_connections_and_isupport(tmp_path: Path, *, swapped: bool) -> None:
    environment = {"CHATCTL_DATA_DIR": str(tmp_path / "data"), "CHATCTL_LISTENER_LIMIT": "20"}
    with ServeProcess(tmp_path, **environment) as server:
        first, second = (Mini, Jaraco) if swapped else (Jaraco, Mini)
        ann: LibraryClient = first(server.port, "ann")
        bob: LibraryClient = second(server.port, "bob")
        ann.until("422")
        bob.until("422")
        _understand(ann.tokens())
        _understand(bob.tokens())

        ann.send("MONITOR + bob,carol")
        assert ann.until("730")[2][-1].startswith("bob!")
        ann.until("731", "carol")
        for person in (ann, bob):
            person.send("JOIN #tea")
            person.until("366", "#tea")
        ann.send("WHO #tea %tcnfar,42")
        found = [ann.until("354", "42", "#tea")[2][-5:] for _ in range(2)]
        assert [row[1:4] for row in found] == [["ann", "H@", "0"], ["bob", "H", "0"]]
        ann.until("315", "#tea")

        bob.cut()
        assert ann.until("QUIT")[1] == "bob"
        ann.until("731", "bob")
        bob.close()
        again: LibraryClient = second(server.port, "bob")
        assert ann.until("730")[2][-1].startswith("bob!")
        again.until("422")
        again.send("JOIN #tea")
        assert ann.until("JOIN", "#tea")[1] == "bob"

        # As after a network failure: many are gone at once, without a QUIT.
        lost = [Wire(server.port).login(f"lost{number}", "#tea") for number in range(10)]
        for wire in lost:
            wire.close()
        gone = sorted(ann.until("QUIT")[1] for _ in lost)
        assert gone == [f"lost{number}" for number in range(10)]
        ann.send("NAMES #tea")
        assert ann.until("353", "#tea")[2][-1].split() == ["@ann", "bob"]
        ann.close()
        again.close()
        assert server.stop()[0] == 0


def _understand(tokens: dict[str, str]) -> None:
    """ISUPPORT as two libraries parse it."""
    assert tokens["NETWORK"] == "chatctl"
    assert (tokens["CHANTYPES"], tokens["CASEMAPPING"]) == ("#", "ascii")
    assert (tokens["NICKLEN"], tokens["MONITOR"], tokens["STATUSMSG"]) == ("32", "100", "@+")
    assert all(part in tokens["PREFIX"] for part in "ov@+")
    assert "beI" in tokens["CHANMODES"]
    assert "PRIVMSG" in tokens["TARGMAX"]
    assert "50" in tokens["CHANLIMIT"]


def _talk(ann: LibraryClient, bob: LibraryClient) -> None:
    ann.send("JOIN #tea")
    ann.until("366", "#tea")
    bob.send("JOIN #tea")
    assert ann.until("JOIN", "#tea")[1] == "bob"
    bob.until("366", "#tea")

    ann.send("TOPIC #tea :Green or black?")
    assert bob.until("TOPIC", "Green or black?")[1] == "ann"
    bob.send("PRIVMSG #tea :привет, 元気? 🎉")
    assert ann.until("PRIVMSG", "#tea", "привет, 元気? 🎉")[1] == "bob"
    ann.send("PRIVMSG bob :just you")
    assert bob.until("PRIVMSG", "bob", "just you")[1] == "ann"

    ann.send("MODE #tea +vl bob 7")
    assert "+vl" in bob.until("MODE", "bob", "7")[2]
    bob.send("MODE #tea")
    assert "7" in bob.until("324", "#tea")[2]
    bob.send("KICK #tea ann :no")
    bob.until("482", "#tea")

    bob.send("NICK robert")
    assert "robert" in ann.until("NICK")[2]
    bob.send("AWAY :out")
    bob.until("306")
    ann.send("PRIVMSG robert :there?")
    ann.until("301", "robert", "out")
    bob.send("AWAY")
    bob.until("305")

    ann.send("WHO #tea")
    assert "robert" in ann.until("352", "#tea", "robert")[2]
    ann.until("315", "#tea")
    ann.send("WHOIS robert")
    ann.until("311", "robert")
    ann.until("318", "robert")
    bob.send("LIST")
    bob.until("322", "#tea", "2", "Green or black?")
    bob.until("323")

    ann.send("MODE #tea +b robert")
    bob.until("MODE", "robert!*@*")
    ann.send("KICK #tea robert :enough")
    bob.until("KICK", "#tea", "enough")
    bob.send("JOIN #tea")
    bob.until("474", "#tea")
    ann.send("INVITE robert #tea")
    ann.until("341")
    bob.until("INVITE", "#tea")
    bob.send("JOIN #tea")
    bob.until("366", "#tea")

    bob.send("PART #tea :off to bed")
    assert ann.until("PART", "#tea")[1] == "robert"
    ann.send("MODE #tea b")
    ann.until("367", "robert!*@*")
    ann.until("368")
