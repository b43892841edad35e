"""Names owned by accounts on other servers, such as Ergo ([owned-name] in client/login/registration)."""

from __future__ import annotations

import pytest

from chatctl.client import events as e
from chatctl.client.errors import LoginError, OwnedNameError
from chatctl.client.login import account_registration
from chatctl.client.login.account_login import AccountLogin
from chatctl.errors import NameTakenError
from tests.client.talk import Talk

ERGO = "sasl=PLAIN,EXTERNAL,SCRAM-SHA-256 draft/account-registration=before-connect standard-replies"
RESERVED = "Nickname is reserved by a different account"
LOGGED_IN = ":e 900 ann ann!u@h ann :You are now logged in as ann"
IN_USE = "Nickname is already in use"


def offered(capabilities: str, *, secure: bool = True) -> Talk:
    talk = Talk("#lobby")
    talk.state.connected(secure=secure)
    talk.heard(f":e CAP * LS :{capabilities}")
    [request] = [line for line in talk.sent() if line.startswith("CAP REQ")] or [""]
    if request:
        talk.heard(f":e CAP * ACK {request.removeprefix('CAP REQ ')}")
    return talk


@pytest.mark.parametrize(
    ("lines", "capabilities", "secure", "owned"),
    [
        ((f":e 433 * ann :{RESERVED}", f":e FAIL NICK NICKNAME_RESERVED ann :{RESERVED}"), ERGO, True, True),
        ((f":e FAIL NICK NICKNAME_RESERVED ann :{RESERVED}",), ERGO, True, True),
        ((f":e 433 * ann :{RESERVED}",), ERGO, False, True),
        ((f":e 433 * ann :{IN_USE}",), ERGO, True, False),
        ((f":e 433 * ann :{RESERVED}",), "sasl=PLAIN", False, False),
        ((f":e FAIL NICK NICKNAME_RESERVED ann :{RESERVED}",), "standard-replies", True, False),
        ((f":e 433 * ann :{RESERVED}",), "sasl=EXTERNAL", True, False),
    ],
)
def test_reserved_name_is_owned_if_its_owner_can_log_in(
    lines: tuple[str, ...], capabilities: str, secure: bool, owned: bool
) -> None:
    talk = offered(capabilities, secure=secure)
    talk.heard(*lines)
    assert type(talk.state.name_problem) is (OwnedNameError if owned else NameTakenError)


def test_login_comes_before_the_name_is_decided() -> None:
    talk = Talk("#lobby")
    talk.state.login = AccountLogin("ann", "sesame")
    talk.state.connected()
    talk.heard(":e CAP * LS :sasl=PLAIN", ":e CAP * ACK :sasl")
    assert "CAP END" not in talk.sent()
    talk.heard("AUTHENTICATE +", ":e 900 ann ann!u@h ann :You are now logged in as ann", ":e 903 ann :ok")
    assert "CAP END" in talk.sent()
    assert talk.state.name_problem is None


def test_server_with_external_only_is_not_reported_as_clear_text() -> None:
    talk = Talk("#lobby")
    talk.state.login = AccountLogin("ann", "sesame")
    talk.state.connected()
    talk.heard(":e CAP * LS :sasl=EXTERNAL", ":e CAP * ACK :sasl")
    assert type(talk.state.refusal) is LoginError
    assert "password" in str(talk.state.refusal)


def test_account_reported_by_services_is_known() -> None:
    talk = Talk("#lobby")
    talk.enter("sasl")
    assert talk.state.logged_in == ""
    talk.heard(":e 900 ann ann!u@h ann :You are now logged in as ann")
    assert talk.state.logged_in == "ann"
    talk.heard(":e 901 ann ann!u@h :You are now logged out")
    assert talk.state.logged_in == ""


@pytest.mark.parametrize(
    "lines",
    [
        (":e REGISTER SUCCESS ann :Account successfully registered", ":e 920 ann ann :Account created", LOGGED_IN),
        (LOGGED_IN, ":e REGISTER SUCCESS ann :It is made"),
        (":e REGISTER SUCCESS ann",),
    ],
)
def test_new_account_is_reported_once(lines: tuple[str, ...]) -> None:
    talk = Talk("#lobby")
    talk.enter("draft/account-registration")
    account_registration.begin(talk.state, "hunter22")
    [notice] = talk.heard(*lines)
    assert isinstance(notice, e.ServerNotice)
    assert notice.text == "You are now logged in as ann"


def test_login_from_elsewhere_is_reported() -> None:
    talk = Talk("#lobby")
    talk.enter("draft/account-registration")
    [notice] = talk.heard(LOGGED_IN)
    assert isinstance(notice, e.ServerNotice)
    talk.heard(":e 901 ann ann!u@h :You are now logged out")
    account_registration.begin(talk.state, "hunter22")
    assert isinstance(talk.heard(":e REGISTER VERIFICATION_REQUIRED ann :Look at your mail")[0], e.ServerNotice)
