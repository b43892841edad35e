"""Write all generated pages of docs/reference and config.example.toml: ``python -m scripts.make_reference``."""

from __future__ import annotations

from pathlib import Path

from chatctl.config import example
from scripts import (
    make_capabilities_page,
    make_cli_page,
    make_command_table,
    make_events_page,
    make_exit_codes_page,
    make_library_page,
    make_settings_page,
)

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"

PAGES = {
    EXAMPLE: example.text,
    make_capabilities_page.TARGET: make_capabilities_page.page,
    make_cli_page.TARGET: make_cli_page.page,
    make_command_table.TARGET: make_command_table.page,
    make_events_page.TARGET: make_events_page.page,
    make_exit_codes_page.TARGET: make_exit_codes_page.page,
    make_library_page.TARGET: make_library_page.page,
    make_settings_page.TARGET: make_settings_page.page,
}
"""Each generated file with the function that returns its text; tests/test_documents.py compares them."""


def main() -> None:
    """Write every page."""
    for target, text in PAGES.items():
        target.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
