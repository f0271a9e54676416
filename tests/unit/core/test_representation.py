"""The fast encoder writes what Pydantic would: the DTO's fields, and no other."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec import defstruct
from msgspec.structs import asdict
from pydantic import TypeAdapter, create_model

from sokho.core.infrastructure.http.preconditions import etag
from sokho.core.infrastructure.http.responses import Representation
from sokho.modules.items.application.dto import ItemResponse
from sokho.modules.items.domain.entities import Item, ItemStatus
from tests.fakes.items import a_full_item

ITEM = Representation(ItemResponse, Item)

texts = st.text(st.characters(codec="utf-8"))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8
)
instants = st.datetimes(timezones=st.just(UTC))

items = st.builds(
    Item,
    id=st.uuids(),
    tenant_id=st.uuids(),
    sku=texts,
    name=texts,
    description=st.none() | texts,
    unit=texts,
    barcode=st.none() | texts,
    status=st.sampled_from(ItemStatus),
    tags=st.lists(texts).map(tuple),
    attributes=st.dictionaries(texts, json_values),
    version=st.integers(1, 2**63 - 1),
    created_at=instants,
    updated_at=instants,
)


def as_pydantic_writes(item: Item) -> object:
    return json.loads(ItemResponse.model_validate(item).model_dump_json())


class TestOne:
    @given(items)
    def test_is_what_pydantic_writes(self, item: Item):
        assert json.loads(bytes(ITEM.one(item).body)) == as_pydantic_writes(item)

    @given(items)
    def test_has_its_fields_in_the_order_of_the_dto(self, item: Item):
        assert list(json.loads(bytes(ITEM.one(item).body))) == list(ItemResponse.model_fields)

    def test_answers_as_it_is_told(self):
        answer = ITEM.one(a_full_item(), status=201, headers=etag(7) | {"Location": "/x"})
        assert answer.status_code == 201
        assert answer.headers["etag"] == '"7"'
        assert answer.headers["location"] == "/x"
        assert answer.headers["content-type"] == "application/json"

    def test_writes_an_instant_of_any_zone(self):
        hanoi = timezone(timedelta(hours=7))
        item = a_full_item(created_at=datetime(2026, 3, 1, 19, 0, 0, 500_000, hanoi))
        assert json.loads(bytes(ITEM.one(item).body)) == as_pydantic_writes(item)


class TestMany:
    @given(st.lists(items, max_size=3))
    def test_is_what_pydantic_writes(self, several: list[Item]):
        response = ITEM.many(several, headers={"Link": "x"})
        adapter = TypeAdapter(list[ItemResponse])
        expected = adapter.dump_json(adapter.validate_python(several, from_attributes=True))
        assert json.loads(bytes(response.body)) == json.loads(expected)
        assert (response.status_code, response.headers["link"]) == (200, "x")


class TestWhatTheDtoDoesNotName:
    def test_never_appears(self):
        known = asdict(a_full_item())
        wider = defstruct("WiderItem", [*known, "cost_price", "sku_key"])
        entity = wider(**known, cost_price="canary", sku_key="canary")
        representation = Representation(ItemResponse, wider)
        for answer in (representation.one(entity), representation.many([entity])):
            assert b"canary" not in answer.body
            assert "ĐINH".casefold() in bytes(answer.body).decode().casefold()

    def test_would_appear_were_it_named(self):
        """The control: the canary above can sing."""
        told = create_model("Told", id=(UUID, ...), cost_price=(str, ...))
        priced = defstruct("Priced", ["id", "cost_price", "name"])
        entity = priced(UUID(int=1), "canary", "Đinh")
        assert b"canary" in Representation(told, priced).one(entity).body
