"""The served document breaks no client of the last release; what would is told by its place."""

import json
from copy import deepcopy
from typing import Any, Final

import pytest

from tests.contract.compatibility import breaking_changes
from tests.contract.released import FILE, essence, served_document

Document = dict[str, Any]
Change = tuple[str, object]
"""Where, and what stands there from now on. In a list a step is an entry, by value or by name."""

GONE: Final = object()
TEXT: Final = {"type": "string"}
LOT: Final = {"name": "lot", "in": "query", "schema": TEXT}

UNITS: Final = "paths > /v1/units"
ITEMS: Final = "paths > /v1/items > get"
MADE: Final = f"{UNITS} > post > responses > 201"
SCHEMAS: Final = "components > schemas"
CREATE: Final = f"{SCHEMAS} > ItemCreate"
DECIMALS: Final = f"{SCHEMAS} > UnitCreate > properties > decimals"
ITEM: Final = f"{SCHEMAS} > ItemResponse"
ADMIN: Final = "paths > /v1/admin/tenants/{tenant_id}"

BREAKING: Final[dict[str, Change]] = {
    "POST /v1/units: removed": (f"{UNITS} > post", GONE),
    "GET /v1/tenant: removed": ("paths > /v1/tenant", GONE),
    "GET /v1/units: renamed": (f"{UNITS} > get > operationId", "all_units"),
    "GET /v1/units: other rights are needed": (
        f"{UNITS} > get > security",
        [{"ApiKey": ["stock:read"]}],
    ),
    "GET /v1/items query tag: removed": (f"{ITEMS} > parameters > tag", GONE),
    "GET /v1/items query tag: now required": (f"{ITEMS} > parameters > tag > required", True),
    "GET /v1/items query limit: less maximum": (
        f"{ITEMS} > parameters > limit > schema > maximum",
        100,
    ),
    "GET /v1/items query lot: new and required": (
        f"{ITEMS} > parameters > lot",
        LOT | {"required": True},
    ),
    "PATCH /v1/tenant body application/json: removed": (
        "paths > /v1/tenant > patch > requestBody > content > application/json",
        GONE,
    ),
    "POST /v1/admin/tenants/{tenant_id}/resume body: now required": (
        f"{ADMIN}/resume > post > requestBody",
        {"required": True, "content": {}},
    ),
    "POST /v1/items body.unit: now required": (f"{CREATE} > required > unit", "unit"),
    "POST /v1/items body.barcode: removed": (f"{CREATE} > properties > barcode", GONE),
    "POST /v1/items body.barcode: null became string": (f"{CREATE} > properties > barcode", TEXT),
    "POST /v1/items body.status: fewer values": (f"{SCHEMAS} > ItemStatus > enum > archived", GONE),
    "POST /v1/items body.attributes: other fields are refused now": (
        f"{CREATE} > properties > attributes > additionalProperties",
        False,
    ),
    "POST /v1/items body.tags: less maxItems": (f"{CREATE} > properties > tags > maxItems", 9),
    "POST /v1/items body.tags[]: string became integer": (
        f"{CREATE} > properties > tags > items",
        {"type": "integer"},
    ),
    "POST /v1/units body.decimals: less maximum": (f"{DECIMALS} > maximum", 3),
    "POST /v1/units body.decimals: more minimum": (f"{DECIMALS} > minimum", 1),
    "POST /v1/units body.decimals: integer became string": (DECIMALS, TEXT),
    "POST /v1/units body.name: another pattern": (
        f"{SCHEMAS} > UnitCreate > properties > name > pattern",
        "^[a-z]+$",
    ),
    "POST /v1/units 201: removed": (MADE, GONE),
    "POST /v1/units 201 ETag: removed": (f"{MADE} > headers > ETag", GONE),
    "POST /v1/units 201 application/json: removed": (f"{MADE} > content > application/json", GONE),
    "GET /v1/items/{item_id} 200.barcode: removed": (f"{ITEM} > properties > barcode", GONE),
    "GET /v1/items/{item_id} 200.barcode: not always there": (f"{ITEM} > required > barcode", GONE),
    "GET /v1/items 200[].version: integer became string": (f"{ITEM} > properties > version", TEXT),
    "GET /v1/items 200[].name: string became null": (
        f"{ITEM} > properties > name",
        {"anyOf": [TEXT, {"type": "null"}]},
    ),
    "GET /v1/items 200[].id: another format": (f"{ITEM} > properties > id", TEXT),
}

ADDITIVE: Final[dict[str, Change]] = {
    "an operation": ("paths > /v1/lots", {}),
    "a field of an answer": (f"{ITEM} > properties > lot", TEXT),
    "what is always there": (f"{SCHEMAS} > Problem > required > errors", "errors"),
    "an optional field": (f"{CREATE} > properties > lot", TEXT),
    "an optional parameter": (f"{ITEMS} > parameters > lot", LOT),
    "a wider limit": (f"{DECIMALS} > maximum", 9),
    "one value more": (f"{SCHEMAS} > ItemStatus > enum > sold", "sold"),
    "a field that may be left out": (f"{CREATE} > required > name", GONE),
    "a header": (f"{MADE} > headers > Age", {"schema": {"type": "integer"}}),
    "a refusal": (f"{UNITS} > post > responses > 408", {}),
    "a right that is enough": (f"{UNITS} > get > security > 1", {"ApiKey": ["stock:read"]}),
}


def changed(document: Document, change: Change) -> Document:
    """Return a copy of a document with one change."""
    where, value = change
    new = deepcopy(document)
    *way, last = where.split(" > ")
    here: Any = new
    for step in way:
        here = here[_place(here, step)]
    place = _place(here, last)
    if value is GONE:
        del here[place]
    elif isinstance(here, list) and place == len(here):
        here.append(value)
    else:
        here[place] = value
    assert new != document
    return new


def _place(here: Any, step: str) -> Any:
    if isinstance(here, dict):
        return step
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in here]
    return names.index(step) if step in names else len(here)


@pytest.fixture(scope="module")
def served() -> Document:
    return served_document()


class TestThisVersion:
    def test_breaks_no_client_of_the_last_release(self, served: Document):
        released = json.loads(FILE.read_text())
        assert released["paths"]
        assert breaking_changes(released, served) == []


class TestBreakingChanges:
    def test_of_a_document_and_itself_are_none(self, served: Document):
        assert breaking_changes(served, served) == []
        assert breaking_changes(essence(served), served) == []
        assert breaking_changes(served, essence(served)) == []

    @pytest.mark.parametrize("told", BREAKING)
    def test_are_told(self, served: Document, told: str):
        assert told in breaking_changes(served, changed(served, BREAKING[told]))

    @pytest.mark.parametrize("addition", ADDITIVE)
    def test_are_not_what_is_added(self, served: Document, addition: str):
        assert breaking_changes(served, changed(served, ADDITIVE[addition])) == []
