"""Matching names against masks with ``*`` and ``?`` (modern.ircdocs.horse, "Wildcard Expressions")."""

from __future__ import annotations


def matches(mask: str, text: str) -> bool:
    """Return whether `text` matches `mask` as a whole. Both must be folded already.

    One step back at the most: when a later part does not fit, only the last ``*`` takes one character more. Runs of
    stars are one star, so that 10,000 of them cost no more than their reading.
    """
    m = t = 0
    star = -1
    retry = 0
    while t < len(text):
        if m < len(mask) and (mask[m] == "?" or (mask[m] == text[t] and mask[m] != "*")):
            m += 1
            t += 1
        elif m < len(mask) and mask[m] == "*":
            star = m
            retry = t
            m += 1
        elif star >= 0:
            retry += 1
            t = retry
            m = star + 1
        else:
            return False
    while m < len(mask) and mask[m] == "*":
        m += 1
    return m == len(mask)
