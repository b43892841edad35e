"""irssi and WeeChat, as Debian has them, in terminals: a whole conversation, typed by hand, as people see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.processes import ServeProcess, Terminal, environment, needs

pytestmark = pytest.mark.e2e


def test_irssi_and_weechat_hold_a_conversation(tmp_path: Path) -> None:
    needs("irssi")
    needs("weechat")
    with ServeProcess(tmp_path) as server:
        env = environment(tmp_path)
        port = str(server.port)
        with (
            Terminal(
                ["irssi", f"--home={tmp_path / 'irssi'}", "-n", "irina", "-c", "127.0.0.1", "-p", port], env
            ) as irssi,
            Terminal(["weechat", "-d", str(tmp_path / "weechat")], env) as weechat,
        ):
            irssi.redraw = b"\x0c"
            irssi.until("This server has no message of the day")
            weechat.until("WeeChat")
            weechat.enter(f"/server add here 127.0.0.1/{port} -notls -nicks=wanda")
            weechat.enter("/connect here")
            weechat.until("This server has no message of the day")
            _talk(irssi, weechat)


def _talk(irssi: Terminal, weechat: Terminal) -> None:
    # Join, topic, names.
    irssi.enter("/join #tea")
    irssi.until("Irssi: #tea: Total of 1 nicks")
    weechat.enter("/join #tea")
    irssi.until("wanda")
    irssi.enter("/topic Green or black?")
    weechat.until("Green or black?")

    # Messages both ways, in several scripts; /me.
    irssi.enter("hello Wanda, ça va? Привет")
    weechat.until("hello Wanda, ça va? Привет")
    weechat.enter("fine: 元気 🎉")
    irssi.until("fine:")
    weechat.enter("/me waves")
    irssi.until("* wanda waves")

    # Modes, rename, away, a private message.
    irssi.enter("/mode +vm wanda")
    weechat.until("+vm wanda")
    weechat.enter("/nick wilma")
    irssi.until("wanda is now known as wilma")
    weechat.enter("/away having dinner")
    weechat.until("[wilma away: having dinner]")
    irssi.enter("/query wilma psst")
    irssi.enter("/window 3")
    irssi.until("psst", "wilma is away: having dinner")
    weechat.until("3.  irina")
    weechat.enter("/away")
    weechat.until("[wilma back: gone")

    # Questions.
    irssi.enter("/whois wilma")
    irssi.until("channels : +#tea", "End of WHOIS")
    irssi.enter("/window 1")
    irssi.enter("/list >1")
    irssi.until("End of the room list")
    irssi.until("#tea 2 Green or black?")
    irssi.enter("/who #tea")
    irssi.until("End of /WHO list")
    irssi.enter("/window 2")

    # Kick, ban, invite, leave.
    irssi.enter("/ban wilma!*@*")
    weechat.until("+b wilma!*@*")
    irssi.enter("/kick wilma enough")
    weechat.until("enough")
    weechat.enter("/join #tea")
    weechat.until("You are banned from #tea")
    irssi.enter("/invite wilma")
    weechat.enter("/buffer 1")
    weechat.until("invited to #tea by irina")
    weechat.enter("/join #tea")
    irssi.until("has joined #tea")
    weechat.enter("/part #tea off to bed")
    irssi.until("off to bed")
    irssi.enter("/quit")
    weechat.enter("/quit")
