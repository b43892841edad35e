"""The output of `serve`: how others join."""

from __future__ import annotations

import pytest

from chatctl.cli.banner import banner
from chatctl.cli.commands.invite import invitation_url
from chatctl.config import Settings
from chatctl.destination.server_address import target

OUTSIDE = "192.0.2.7"


def printed(listening: str = OUTSIDE, advertise: str = "", hosts: tuple[str, ...] = (), tls_mode: str = "auto") -> str:
    return banner(
        [(listening, 5106)],
        listener_limit=5,
        advertise=advertise,
        tls_mode=tls_mode,
        pin="SHA256:" + "x" * 43,
        fingerprint="ab" * 32,
        hosts=hosts,
        needs_password=False,
        history="",
        config_file="",
    )


@pytest.mark.parametrize(
    ("listening", "advertise", "hosts", "sent"),
    [
        (OUTSIDE, "", (), OUTSIDE),
        (OUTSIDE, "", ("chat.example", "tea.example"), "chat.example"),
        (OUTSIDE, "", ("*.example", "tea.example"), "tea.example"),
        (OUTSIDE, "", ("chat.example", OUTSIDE), OUTSIDE),
        (OUTSIDE, "tea.example", ("chat.example", "*.example"), "tea.example"),
    ],
)
def test_banner_names_the_host_of_the_certificate(
    listening: str, advertise: str, hosts: tuple[str, ...], sent: str
) -> None:
    shown = printed(listening, advertise, hosts)
    assert f"chatctl join --host {sent}\n" in shown
    assert f"/connect -tls {sent} 5106" in shown
    assert "the certificate is for" not in shown


def test_banner_notes_a_host_that_the_certificate_does_not_cover() -> None:
    for advertise, hosts in (("", ("*.example",)), ("other.example.net", ("chat.example",))):
        assert f"the certificate is for {hosts[0]}, not for {advertise or OUTSIDE}" in printed(
            OUTSIDE, advertise, hosts
        )
    assert "the certificate is for" not in printed("127.0.0.1", "", ("chat.example",))


def test_banner_shows_that_tls_is_required() -> None:
    """On this computer a client would not speak it by itself."""
    assert "chatctl join --tls\n" in printed("127.0.0.1", tls_mode="required")
    assert f"chatctl join --host {OUTSIDE} --tls\n" in printed(tls_mode="required")
    assert "--tls" not in printed("127.0.0.1", tls_mode="optional")


def test_zone_of_a_link_local_address_is_kept() -> None:
    shown = printed("fe80::1%eth0")
    assert "[fe80::1%eth0]:5106" in shown
    assert "chatctl join --host fe80::1%eth0\n" in shown
    url = invitation_url("fe80::1%eth0", 5106, "#tea", "token", "")
    assert url == "irc://[fe80::1%25eth0]:5106/tea?invite=token"
    found = target(Settings(), url=url)
    assert (found.host, found.port, found.invite) == ("fe80::1%eth0", 5106, "token")
