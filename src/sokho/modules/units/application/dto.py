"""What clients send and receive of units."""

from typing import Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ABSENT, PatchModel, RequestModel, ResponseModel
from sokho.core.application.paging import ListQuery
from sokho.core.domain.paging import Position
from sokho.modules.units.domain.entities import MAX_DECIMALS, Unit

_EXAMPLE: Final[JsonDict] = {"code": "két", "name": "két 24 chai", "decimals": 0}


class UnitCreate(RequestModel):
    """A new unit."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: str = Field(description="1 to 32 characters; unique in the business, case counts.")
    name: str = Field(description="1 to 64 characters.")
    decimals: int = Field(
        0, ge=0, le=MAX_DECIMALS, strict=True, description="Decimals that a quantity may have."
    )


class UnitUpdate(PatchModel):
    """What is to become of a unit; its code stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decimals": 2}]})

    name: str = Field(ABSENT, description="1 to 64 characters.")
    decimals: int = Field(ABSENT, ge=0, le=MAX_DECIMALS, strict=True)


class UnitResponse(ResponseModel):
    """A unit of measure."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: str
    name: str
    decimals: int


class UnitListQuery(ListQuery):
    """Which page of the units."""

    sort: Literal["code", "-code"] = Field("code", description="`-` for descending.")

    def position(self, unit: Unit) -> Position:
        """Return where `unit` stands in this order."""
        return (unit.code,)
