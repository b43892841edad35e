"""Where `join` goes by one word."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.cli.saved_visits import VisitStore
from chatctl.client.errors import InputError
from chatctl.client.profile.profile import Profile, SavedVisit
from chatctl.destination.join_plan import JoinArguments, plan_login
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
    plan = plan_login(JoinArguments("work"))
    assert (plan.to.host, plan.to.port, plan.name, plan.room, plan.to.trust.tls) == (
        "chat.example", 7000, "ann", "#tea", True,
    )  # fmt: skip
    plan = plan_login(JoinArguments("work", name="bob", room="#cake", tls=False))
    assert (plan.to.host, plan.name, plan.room, plan.to.trust.tls) == ("chat.example", "bob", "#cake", False)


def test_word_names_a_server_of_the_settings(tmp_path: Path) -> None:
    pin = "SHA256:" + "a" * 43
    (tmp_path / "secret").write_text("open sesame\n")
    file = settings(
        tmp_path,
        '[client]\nname = "ann"\n[client.servers.work]\nhost = "chat.example"\nport = 7000\nroom = "tea"\n'
        f'fingerprint = "{pin}"\npassword_file = "secret"\n[client.servers]\nhome = "ircs://10.0.0.7/cake"\n',
    )
    Profile().entered(SavedVisit("elsewhere.example", 1, "bob"), "work")
    plan = plan_login(JoinArguments("work", config=file))
    assert (plan.to.host, plan.to.port, plan.name, plan.room) == ("chat.example", 7000, "ann", "#tea")
    assert plan.to.trust.fingerprint == pin
    assert plan.password == "open sesame"
    plan = plan_login(JoinArguments("home", config=file))
    assert (plan.to.host, plan.to.port, plan.room, plan.to.trust.tls) == ("10.0.0.7", 6697, "#cake", True)


def test_unknown_word_lists_the_saved_servers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="join --save WORD saves one"):
        plan_login(JoinArguments("work"))
    Profile().entered(SavedVisit("h", 1), "home")
    with pytest.raises(ConfigError, match=r"saved are: home, tea$"):
        plan_login(JoinArguments("work", config=settings(tmp_path, 'client.servers.tea = "h"')))


def test_name_of_a_saved_server_is_validated(tmp_path: Path) -> None:
    visits = VisitStore(settings(tmp_path, 'client.servers.tea = "h"'))
    plan = plan_login(JoinArguments("ircs://chat.example/cake"))
    for word in ("", "two words", "irc://h", "tea"):
        with pytest.raises(ConfigError):
            visits.check(word)
        with pytest.raises(InputError):
            visits.keep(plan, "ann", word)
    assert Profile().saved == {}
    visits.keep(plan, "ann", "work")
    assert Profile().saved == {"work": SavedVisit("chat.example", 6697, "ann", "#cake", True)}
