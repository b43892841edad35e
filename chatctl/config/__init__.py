"""Settings: where they come from, what they may be, and what is said when they are wrong.

1. Flags are stronger than the environment, the environment than the file, the file than the defaults; key by key, in
   nested tables too.
2. The file is the one named by --config, else by CHATCTL_CONFIG, else (only for `serve` and `config`) ./chatctl.toml,
   else chatctl.toml in the platform's configuration folder. The first found wins; files are never mixed.
3. Variables are written as documented, in upper case: CHATCTL_PORT, CHATCTL_LIMITS__IDLE_SECONDS. A whole table may be
   given as JSON: CHATCTL_LIMITS='{"idle_seconds": 60}'; a variable for one key is stronger than the table's.
4. An empty variable counts as not set, since that is how a compose file or a shell passes on what nobody chose. An
   empty password is told in a notice, because a server that everybody can enter may not be what was meant. In the file,
   an optional key may be "" for none.
5. What nobody knows is refused, with the nearest known one: a misspelt setting that is silently ignored is the worst
   kind. Only the variables that Kubernetes sets for its own services are passed over, with a notice.
6. All problems are told at once, one line each: where the value came from, the value (never a secret), what is allowed.
7. A relative `password_file` written in the file is looked for beside that file; else in the working directory.
8. A password belongs to the host and port of the source that holds it, or of a weaker one (`Loaded.password_servers`).

A new key is one line in `settings.py`; its variable, flag, example and complaints follow from it.

pydantic takes its time to load: import this package inside command bodies only.
"""

from __future__ import annotations

from chatctl.config.load import Loaded, load
from chatctl.config.settings import KEYS, Settings

__all__ = ["KEYS", "Loaded", "Settings", "load"]
