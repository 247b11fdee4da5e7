"""nbformat imported without a second of waiting: call `prepare` before whatever imports nbformat.

nbformat needs jsonschema, and jsonschema, where it finds `rfc3987_syntax`, compiles a grammar of international
addresses that no notebook is checked against. Every child process and every kernel would pay for it.
"""

import sys
from typing import Final

_SLOW: Final = "rfc3987_syntax"


def prepare() -> None:
    """Import jsonschema as if the slow module were not there; whoever imports that afterwards gets it as ever."""
    if "jsonschema" in sys.modules or _SLOW in sys.modules:
        return
    sys.modules[_SLOW] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        import jsonschema  # noqa: F401
    finally:
        del sys.modules[_SLOW]
