"""Errors that a user can mend: they carry one plain sentence and never a traceback."""


class InputError(Exception):
    """Settings or data are not as they must be; the message names the file, the place, what was found and what
    was expected."""


class MissingTableError(InputError):
    """The store has no such table because no source in the settings fills it."""
