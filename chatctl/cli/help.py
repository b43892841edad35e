"""How `--help` is written, the same with every version of typer: arguments by the names we gave them, and no types of
Python. (typer 0.29 would say ``[[ROOM]]`` and ``[ROOM] <str>``, as it puts signs of its own around a name that has
them.)"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class PlainCommand(TyperCommand):
    """A command whose help is plain text."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the text after the command's name in its first line."""
        return [_once(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the lists of arguments and options."""
        plain: Any = _WithoutTypes(formatter)
        super().format_options(ctx, plain)


class _WithoutTypes:
    """A formatter whose lists do not name types: each option shows its metavar instead."""

    def __init__(self, formatter: Any) -> None:
        self._formatter = formatter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._formatter, name)

    def write_dl(self, rows: list[tuple[str, str]]) -> None:
        self._formatter.write_dl([(name.partition(" <")[0], text) for name, text in rows])


def _once(piece: str) -> str:
    for twice, once in (("{", ""), ("}", ""), ("[[", "["), ("]]", "]"), ("......", "...")):
        piece = piece.replace(twice, once)
    return piece
