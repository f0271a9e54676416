"""The families of errors; each module keeps its own beside its entity.

Nothing here knows HTTP: `core.infrastructure.http.problems` maps a family to a status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sokho.core.domain.texts import Text


class DomainError(Exception):
    """A business rule refuses the operation.

    `code` is stable English that programs read; `text` is what a person reads.
    Neither ever contains input: the exception's own message may, for the logs'
    sake it must not be sent to a client.
    """

    code: ClassVar[str]
    text: ClassVar[Text]
    errors: "Sequence[FieldError]" = ()
    """What exactly is at fault, where that can be told."""


class NotFoundError(DomainError):
    """The thing does not exist, or belongs to somebody else: the two look the same."""

    code = "not_found"
    text = Text(vi="Không tìm thấy.", en="Not found.")


class ConflictError(DomainError):
    """The present state of the data refuses the operation."""


class PreconditionFailedError(DomainError):
    """The caller's copy is out of date (RFC 9110, section 13.1.1)."""

    code = "precondition_failed"
    text = Text(
        vi="Dữ liệu đã được thay đổi từ lần đọc trước; hãy đọc lại rồi thử lại.",
        en="The data has changed since it was read; read it again and retry.",
    )


class PermissionDeniedError(DomainError):
    """The caller is known but may not do this; `scope` names what is missing."""

    code = "permission_denied"
    text = Text(
        vi="Khóa API không có quyền thực hiện thao tác này.",
        en="The API key does not permit this operation.",
    )

    def __init__(self, scope: str | None = None) -> None:
        self.scope = scope
        super().__init__(f"Permission denied: {scope}")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that does not fit: an RFC 6901 pointer, a stable code, and a text.

    `more` is what else a program may want to know of it, as JSON.
    """

    pointer: str
    code: str
    text: Text
    more: Mapping[str, object] = field(default_factory=dict)

    def below(self, pointer: str) -> "FieldError":
        """Return the same error of a field that stands below `pointer`."""
        return replace(self, pointer=f"{pointer}{self.pointer}")


class InvalidError(DomainError):
    """Values that parse but break a rule; lists every field at fault."""

    code = "validation_failed"
    text = Text(vi="Dữ liệu gửi lên không hợp lệ.", en="The data sent is not valid.")

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__(", ".join(f"{error.pointer}: {error.code}" for error in errors))


class OperatorError(Exception):
    """What the person who runs Sokho must mend: told in a sentence, never a traceback."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(text.en)
