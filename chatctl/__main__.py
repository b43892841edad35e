"""`python -m chatctl`, and what the `chatctl` command runs."""

from __future__ import annotations

from chatctl.cli.app import main

if __name__ == "__main__":
    main()
