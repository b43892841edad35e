"""Where `join` goes by one word."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.cli.visits import VisitStore
from chatctl.client.errors import InputError
from chatctl.client.profile.profile import Profile, SavedVisit
from chatctl.destination.join_plan import JoinPlan, plan_login
from chatctl.errors import ConfigError


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def settings(tmp_path: Path, text: str) -> str:
    file = tmp_path / "chatctl.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_word_names_a_saved_server() -> None:
    Profile().entered(SavedVisit("chat.example", 7000, "ann", "#tea", True), "work")
    wish = plan_login(JoinPlan("work"))
    assert (wish.to.host, wish.to.port, wish.name, wish.room, wish.to.trust.tls) == (
        "chat.example", 7000, "ann", "#tea", True,
    )  # fmt: skip
    wish = plan_login(JoinPlan("work", name="bob", room="#cake", tls=False))
    assert (wish.to.host, wish.name, wish.room, wish.to.trust.tls) == ("chat.example", "bob", "#cake", False)


def test_word_names_a_server_of_the_settings(tmp_path: Path) -> None:
    pin = "SHA256:" + "a" * 43
    (tmp_path / "secret").write_text("open sesame\n")
    file = settings(
        tmp_path,
        '[client]\nname = "ann"\n[client.servers.work]\nhost = "chat.example"\nport = 7000\nroom = "tea"\n'
        f'fingerprint = "{pin}"\npassword_file = "secret"\n[client.servers]\nhome = "ircs://10.0.0.7/cake"\n',
    )
    Profile().entered(SavedVisit("elsewhere.example", 1, "bob"), "work")
    wish = plan_login(JoinPlan("work", config=file))
    assert (wish.to.host, wish.to.port, wish.name, wish.room) == ("chat.example", 7000, "ann", "#tea")
    assert wish.to.trust.fingerprint == pin
    assert wish.password == "open sesame"
    wish = plan_login(JoinPlan("home", config=file))
    assert (wish.to.host, wish.to.port, wish.room, wish.to.trust.tls) == ("10.0.0.7", 6697, "#cake", True)


def test_unknown_word_lists_the_saved_servers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="join --save WORD saves one"):
        plan_login(JoinPlan("work"))
    Profile().entered(SavedVisit("h", 1), "home")
    with pytest.raises(ConfigError, match=r"saved are: home, tea$"):
        plan_login(JoinPlan("work", config=settings(tmp_path, 'client.servers.tea = "h"')))


def test_name_of_a_saved_server_is_validated(tmp_path: Path) -> None:
    visits = VisitStore(settings(tmp_path, 'client.servers.tea = "h"'))
    wish = plan_login(JoinPlan("ircs://chat.example/cake"))
    for word in ("", "two words", "irc://h", "tea"):
        with pytest.raises(ConfigError):
            visits.check(word)
        with pytest.raises(InputError):
            visits.keep(wish, "ann", word)
    assert Profile().saved == {}
    visits.keep(wish, "ann", "work")
    assert Profile().saved == {"work": SavedVisit("chat.example", 6697, "ann", "#cake", True)}
