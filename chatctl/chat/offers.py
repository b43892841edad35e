"""What stands behind the capabilities in CAP LS: it depends on what the server is set to."""

from __future__ import annotations

from chatctl.chat.rules import Rules


def values(rules: Rules) -> dict[str, str]:
    """The value of each capability that has one, by name."""
    return {
        "draft/account-registration": "before-connect",
        "draft/multiline": f"max-bytes={rules.multiline_bytes},max-lines={rules.multiline_lines}",
        "sasl": "PLAIN,SCRAM-SHA-256",
    }
