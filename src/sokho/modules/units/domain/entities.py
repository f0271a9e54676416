"""A unit of measure, and when it is valid."""

import re
from collections.abc import Iterator
from typing import Final, Self, TypedDict, Unpack
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.lines import WRONG_CHARACTER, line_faults, trimmed
from sokho.core.domain.texts import Text

CODE_LENGTH: Final = 32
NAME_LENGTH: Final = 64
MAX_DECIMALS: Final = 6

_DECIMALS = Text(
    vi="Số chữ số thập phân phải từ 0 đến {most}.", en="The decimals are a number from 0 to {most}."
).format(most=MAX_DECIMALS)

# A code stands in a path: a slash would part it, and a client would resolve "." and "..".
_UNFIT_FOR_A_PATH: Final = re.compile(r".*/.*|\.{1,2}", re.DOTALL)


class UnitChanges(TypedDict, total=False):
    """What is to become of a unit; what is left out stays as it is."""

    name: str
    decimals: int


class Unit(Struct, frozen=True, kw_only=True):
    """What quantities are told in, and how many decimals they may have.

    Told apart by the code exactly, case included, as in the International System of Units.
    """

    tenant_id: UUID
    code: str
    name: str
    decimals: int = 0
    version: int = 1

    @classmethod
    def create(cls, *, tenant_id: UUID, code: str, name: str, decimals: int = 0) -> Self:
        """Return a new, valid unit; raises `InvalidError` naming every field at fault."""
        unit = cls(tenant_id=tenant_id, code=trimmed(code), name=name, decimals=decimals)
        unit.validate()
        return unit

    def change(self, **changes: Unpack[UnitChanges]) -> Self:
        """Return the unit's next version, or the unit itself if nothing would differ.

        Raises `InvalidError` naming every field at fault.
        """
        changed = replace(self, **changes)
        changed.validate()
        return self if changed == self else replace(changed, version=self.version + 1)

    def validate(self) -> None:
        """Raise `InvalidError` naming every field that breaks a rule."""
        errors = [*self._faults()]
        if errors:
            raise InvalidError(*errors)

    def _faults(self) -> Iterator[FieldError]:
        yield from line_faults("/code", self.code, CODE_LENGTH)
        if _UNFIT_FOR_A_PATH.fullmatch(self.code):
            yield FieldError("/code", "invalid_character", WRONG_CHARACTER)
        yield from line_faults("/name", self.name, NAME_LENGTH)
        if not 0 <= self.decimals <= MAX_DECIMALS:
            yield FieldError("/decimals", "out_of_range", _DECIMALS)
