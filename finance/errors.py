"""The one base of every refusal the domain can give."""


class DomainError(Exception):
    """A rule refused the request.

    `code` is stable and for machines; the message is for people and says what would be right. `field` names
    the offending input, as a dotted path, where there is one. Each module defines its own subclasses beside
    the functions that raise them.
    """

    code = "domain_error"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code
