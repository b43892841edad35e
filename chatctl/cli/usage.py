"""Wrong usage, told as the program's other errors are: one sentence on stderr, exit code 2.

typer's own errors are a family that it does not name: they are told apart by what they carry, so that any version of
typer will do. An error of a new kind is shown in typer's words.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

from chatctl.cli.failures import DONE, INTERRUPTED, say

WRONG_USAGE = 2

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_CLOSE = 0.7
"""From which similarity on a suggestion is of use."""
_MAX_SHOWN = 60
"""Characters of a wrong value that are shown."""


class ReportingGroup(TyperGroup):
    """The program: a group of commands that reports usage errors with :func:`usage_sentence`."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line. Ends the process, unless `standalone_mode` is false."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.Abort:
            sys.exit(INTERRUPTED)
        except _UsageError as error:
            if _is_help(error):
                print(getattr(error, "message", ""), file=sys.stderr)
            else:
                say(usage_sentence(error, words))
            sys.exit(WRONG_USAGE)
        sys.exit(code if isinstance(code, int) else DONE)


def _is_help(error: Exception) -> bool:
    """Return whether there was no command, which shows the help."""
    return type(error).__name__ == "NoArgsIsHelpError"


def usage_sentence(error: Any, words: Sequence[str]) -> str:
    """Return the error of the command line `words`, and where to read more."""
    context = getattr(error, "ctx", None)
    path = str(getattr(context, "command_path", "") or _path(words))
    message = str(getattr(error, "message", "") or error)
    param = getattr(error, "param", None)
    if type(error).__name__ == "MissingParameter" and param is not None:
        wrong = f"{_name(param)} is missing"
    elif option := getattr(error, "option_name", None):
        wrong = _wrong_option(path, option, getattr(error, "possibilities", None) or (), message)
    elif found := re.match(r"No such command ['\"]?(.*?)['\"]?\.?( |$)", message):
        wrong = _wrong_command(path, found[1], context)
    elif found := re.match(r"Got unexpected extra arguments?\(?s?\)? \((.*)\)", message):
        wrong = f"{path} takes nothing more, but was given: {found[1]}"
    elif param is not None:
        wrong = _wrong_value(param, message, error, words)
    else:
        wrong = message.rstrip(".")
    separator = " See" if wrong.endswith("?") else "; see"
    return f"{wrong}{separator} {path} --help"


def _path(words: Sequence[str]) -> str:
    """Return the command of a command line, for errors that do not name it: the words before the first option."""
    commands = itertools.takewhile(lambda word: re.fullmatch("[a-z][a-z-]*", word), words[:2])
    return " ".join(["chatctl", *commands])


def _name(param: Any) -> str:
    """Return an option's longest spelling, or an argument's name as the help shows it."""
    if getattr(param, "param_type_name", "") == "argument":
        return str(param.metavar or param.name.upper()).strip("[]")
    return str(max(param.opts, key=len))


def _wrong_option(path: str, option: str, possibilities: Sequence[str], message: str) -> str:
    if "requires" in message:
        return f"{option} needs a value"
    if "not take" in message:
        return f"{option} takes no value"
    near = get_close_matches(option, possibilities, n=1, cutoff=_CLOSE)
    return f"{path} has no option {option}" + (f"; did you mean {near[0]}?" if near else "")


def _wrong_command(path: str, command: str, context: Any) -> str:
    known = list(getattr(getattr(context, "command", None), "commands", {}))
    near = get_close_matches(command, known, n=1, cutoff=_CLOSE)
    return f"{path} has no command {command}" + (f"; did you mean {near[0]}?" if near else "")


def _wrong_value(param: Any, message: str, error: Exception, words: Sequence[str]) -> str:
    kind = getattr(param, "type", None)
    least, most = (getattr(param, end, getattr(kind, end, None)) for end in ("min", "max"))
    annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    is_float, is_int = (
        annotation is wanted or name in str(getattr(kind, "name", ""))
        for wanted, name in ((float, "float"), (int, "integer"))
    )
    if not is_float and not is_int:
        return f"{_name(param)}: {message.rstrip('.')}"
    number = "a number" if is_float else "a whole number"
    if least is not None and most is not None:
        allowed = f"{number} from {least} to {most}"
    else:
        allowed = f"{number}, {least} or more" if least is not None else number
    return f"{_name(param)} is {_shown(_given(param, error, words))}, but this is {allowed}"


def _given(param: Any, error: Exception, words: Sequence[str]) -> str:
    """Return the given value, as pydantic holds it or as it is in the command line."""
    errors = getattr(error.__cause__, "errors", None)
    if callable(errors):
        return str(errors(include_url=False)[0]["input"])
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in param.opts:
            return value if equals else following
    return ""


def _shown(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
