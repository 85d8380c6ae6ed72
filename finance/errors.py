"""The one base of every refusal the domain can give."""

from enum import StrEnum


class Kind(StrEnum):
    """What sort of refusal it is, for whoever has to say it in a protocol (the API's statuses are in web.api.problems)."""

    REFUSED = "refused"
    """The request is well formed, and a rule says no."""
    MALFORMED = "malformed"
    """The request cannot be read as what it should be."""
    NOT_FOUND = "not_found"
    """What the request is about does not exist."""
    CONFLICT = "conflict"
    """What exists stands against it: a reference used for something else, a state that has been left."""
    UNAVAILABLE = "unavailable"
    """Not now, whoever asks."""


class DomainError(Exception):
    """A rule refused the request.

    `code` is stable and for machines; the message is for people and says what would be right. `field` names
    the offending input, as a dotted path, where there is one. Each module defines its own subclasses beside
    the functions that raise them.
    """

    code = "domain_error"
    kind = Kind.REFUSED

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code

    @property
    def reasons(self) -> "list[tuple[str, str]]":
        """Every reason as (code, text), where one refusal has several; else empty."""
        return []
