"""What clients send and receive of units."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ABSENT, PatchModel, RequestModel, ResponseModel
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import WHOLE, one_line, trimmed_line
from sokho.core.domain.paging import Position
from sokho.modules.units.domain.entities import CODE_LENGTH, MAX_DECIMALS, NAME_LENGTH, Unit

_EXAMPLE: Final[JsonDict] = {"code": "két", "name": "két 24 chai", "decimals": 0}

Code = Annotated[str, trimmed_line(CODE_LENGTH, in_path=True)]
Name = Annotated[str, one_line(NAME_LENGTH)]
Decimals = Annotated[int, Field(ge=0, le=MAX_DECIMALS, strict=True), WHOLE]


class UnitCreate(RequestModel):
    """A new unit."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: Code = Field(description="1 to 32 characters; unique in the business, case counts.")
    name: Name
    decimals: Decimals = Field(0, description="Decimals that a quantity may have.")


class UnitUpdate(PatchModel):
    """What is to become of a unit; its code stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decimals": 2}]})

    name: Name = ABSENT
    decimals: Decimals = ABSENT


class UnitResponse(ResponseModel):
    """A unit of measure."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: Code
    name: Name
    decimals: Decimals


class UnitListQuery(ListQuery):
    """Which page of the units."""

    sort: Literal["code", "-code"] = Field("code", description="`-` for descending.")

    def position(self, unit: Unit) -> Position:
        """Return where `unit` stands in this order."""
        return (unit.code,)
