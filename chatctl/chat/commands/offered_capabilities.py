"""Which capabilities are to be had, and what stands behind them in CAP LS: it depends on what the server is set to."""

from __future__ import annotations

from chatctl.chat.apply.metadata import MAX_KEYS
from chatctl.chat.commands.metadata import MAX_SUBSCRIPTIONS
from chatctl.chat.model.line_lengths import metadata_length
from chatctl.chat.model.policy import Rules
from chatctl.protocol import capabilities as caps


def mask(rules: Rules) -> int:
    """Return the capabilities on offer. Account registration is left out if it is closed."""
    return caps.ALL & ~caps.ACCOUNT_REGISTRATION if rules.registration == "closed" else caps.ALL


def values(rules: Rules) -> dict[str, str]:
    """Return the value of each capability that has one, by name."""
    said = f"max-subs={MAX_SUBSCRIPTIONS},max-keys={MAX_KEYS},max-value-bytes={metadata_length(rules)}"
    return {
        "draft/account-registration": "before-connect",
        "draft/metadata-2": said,
        "draft/metadata-3": said,
        "draft/multiline": f"max-bytes={rules.multiline_bytes},max-lines={rules.multiline_lines}",
        "sasl": "PLAIN,SCRAM-SHA-256",
    }
