"""Whether a text names us. Never inside a word: ``ann`` is not in ``annual``, and is in ``ann:`` and ``@ann``."""

from __future__ import annotations

import re
from functools import lru_cache

from chatctl.protocol.clean import clean


@lru_cache(maxsize=8)
def pattern(name: str) -> re.Pattern[str]:
    """Return a pattern that finds `name`; characters that names can have are no boundary."""
    return re.compile(rf"(?<![\w\-\[\]\\`^{{}}|]){re.escape(name)}(?![\w\-\[\]\\`^{{}}|])", re.IGNORECASE)


def mentions(text: str, name: str) -> bool:
    """Return whether `text` names `name`."""
    bare = clean(text)
    return bool(name) and name.casefold() in bare.casefold() and pattern(name).search(bare) is not None
