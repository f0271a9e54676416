"""The units that every business begins with: what Vietnamese shops and workshops count in."""

from typing import Final
from uuid import UUID

from sokho.modules.units.domain.entities import Unit

_PIECES: Final = (
    ("cái", "cái"),
    ("chiếc", "chiếc"),
    ("bộ", "bộ"),
    ("đôi", "đôi"),
    ("cặp", "cặp"),
    ("tá", "tá (12 cái)"),
    ("chục", "chục (10 cái)"),
    ("thùng", "thùng"),
    ("hộp", "hộp"),
    ("gói", "gói"),
    ("túi", "túi"),
    ("bao", "bao"),
    ("chai", "chai"),
    ("lon", "lon"),
    ("lọ", "lọ"),
    ("hũ", "hũ"),
    ("tuýp", "tuýp"),
    ("can", "can"),
    ("phuy", "phuy"),
    ("bình", "bình"),
    ("vỉ", "vỉ"),
    ("viên", "viên"),
    ("cuộn", "cuộn"),
    ("tấm", "tấm"),
    ("tờ", "tờ"),
    ("quyển", "quyển"),
    ("ram", "ram (500 tờ)"),
    ("cây", "cây"),
    ("thanh", "thanh"),
    ("sợi", "sợi"),
    ("con", "con"),
    ("kiện", "kiện"),
    ("pallet", "pallet"),
)
_MEASURES: Final = (
    ("mg", "miligam", 3),
    ("g", "gam", 3),
    ("kg", "kilôgam", 3),
    ("tạ", "tạ (100 kg)", 3),
    ("tấn", "tấn (1.000 kg)", 3),
    ("ml", "mililít", 3),
    ("lít", "lít", 3),
    ("mm", "milimét", 3),
    ("cm", "xentimét", 3),
    ("m", "mét", 3),
    ("km", "kilômét", 3),
    ("m²", "mét vuông", 3),
    ("m³", "mét khối", 3),
)


def default_units(tenant_id: UUID) -> list[Unit]:
    """Return the units of a new business: pieces have no decimals, measures have three."""
    rows = [*((code, name, 0) for code, name in _PIECES), *_MEASURES]
    return [
        Unit.create(tenant_id=tenant_id, code=code, name=name, decimals=decimals)
        for code, name, decimals in rows
    ]
