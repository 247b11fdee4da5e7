"""nbformat imported without a second of waiting: call `prepare` before whatever imports nbformat.

nbformat needs jsonschema, and jsonschema, where it finds `rfc3987_syntax`, compiles a grammar of international
addresses that no notebook is checked against. Every child process and every kernel would pay for it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SLOW: Final = "rfc3987_syntax"


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let imports inside do without a module that they can miss; whoever imports it afterwards gets it as ever."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        yield
    finally:
        del sys.modules[name]


def prepare() -> None:
    """Import jsonschema as if the slow module were not there."""
    with without(_SLOW):
        import jsonschema  # noqa: F401
