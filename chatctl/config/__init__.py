"""Settings: sources, validation, error sentences.

Invariants:

- [precedence] Flags take precedence over the environment, that over the file, that over the defaults; key by key, in
  nested tables too.
- [one-file] The file is the one named by --config, else by CHATCTL_CONFIG, else (only for `serve` and `config`)
  ./chatctl.toml, else chatctl.toml in the platform's configuration folder. The first found wins; files are never mixed.
- [variables] Variables are written in upper case: CHATCTL_PORT, CHATCTL_LIMITS__IDLE_SECONDS. A whole table may be
  given as JSON: CHATCTL_LIMITS='{"idle_seconds": 60}'; a variable for one key takes precedence over the table's.
- [empty-is-unset] An empty variable counts as unset, since compose files and shells pass on unset values that way. An
  empty password is reported in a notice, because a server open to all may not be intended. In the file, an optional key
  may be "" for none.
- [unknown-refused] Unknown keys are refused, with the nearest known one: a misspelt setting that is silently ignored is
  the worst kind. Only the variables that Kubernetes sets for its own services are skipped, with a notice.
- [all-problems] All problems are reported at once, one line each: the source, the value (never a secret), what is
  allowed.
- [relative-paths] A relative `password_file` in the file is relative to that file; elsewhere to the working directory.
- [password-server] A password belongs to the host and port of its source, or of a weaker one
  (`LoadedSettings.password_servers`).

A new key is one line in `settings.py`; its variable, flag, example and error sentences follow from it.

pydantic is slow to load: import this package inside command bodies only.
"""

from __future__ import annotations

from chatctl.config.load import LoadedSettings, load
from chatctl.config.settings import KEYS, Settings

__all__ = ["KEYS", "LoadedSettings", "Settings", "load"]
