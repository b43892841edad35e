"""The screen as the login sees it."""

from __future__ import annotations

from chatctl.tui.connect.login_worker import LoginWorker
from chatctl.tui.screen_app import ScreenApp
from chatctl.tui.terminal.key_order import KeyOrder


class LoginApp(ScreenApp):
    """The screen, with the login and the order of keys."""

    login_worker: LoginWorker
    key_order: KeyOrder
