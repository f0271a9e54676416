"""The units that every business begins with."""

from typing import Final
from uuid import UUID

from sokho.modules.items.domain.entities import DEFAULT_UNIT
from sokho.modules.units.domain.defaults import default_units

ASKED_FOR: Final = "cái chiếc bộ kg g tấn lít ml m m² m³ thùng hộp gói túi bao chai lon cuộn đôi"
PIECES: Final = (
    "cái chiếc bộ thùng hộp gói túi bao chai lon cuộn đôi cặp tá chục lọ hũ tuýp can phuy bình vỉ "
    "viên tấm tờ quyển ram cây thanh sợi con kiện pallet"
)
MEASURES: Final = "mg g kg tạ tấn ml lít mm cm m km m² m³"


class TestDefaultUnits:
    def test_are_what_vietnamese_shops_count_in(self):
        codes = {unit.code for unit in default_units(UUID(int=1))}
        assert codes >= {*ASKED_FOR.split()}
        assert DEFAULT_UNIT in codes

    def test_are_valid_and_of_the_tenant(self):
        for unit in default_units(UUID(int=7)):
            unit.validate()
            assert (unit.tenant_id, unit.version) == (UUID(int=7), 1)

    def test_are_each_there_once(self):
        codes = [unit.code for unit in default_units(UUID(int=1))]
        assert len(codes) == len(set(codes))

    def test_of_pieces_have_no_decimals_and_of_measures_three(self):
        decimals = {unit.code: unit.decimals for unit in default_units(UUID(int=1))}
        assert decimals == dict.fromkeys(PIECES.split(), 0) | dict.fromkeys(MEASURES.split(), 3)
