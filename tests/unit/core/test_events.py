"""What an event tells of a change: each field that differs, as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from sokho.core.domain.events import created, deleted, differences, updated

ID, TENANT = UUID(int=1), UUID(int=2)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Whatever a business keeps."""

    id: UUID = ID
    tenant_id: UUID = TENANT
    name: str = "Đinh"
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    version: int = 1
    created_at: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    updated_at: datetime = datetime(2026, 3, 1, tzinfo=UTC)


class TestCreated:
    def test_tells_every_field_after(self):
        event = created("thing", ID, Thing(attributes={"a": 1}))
        assert (event.type, event.resource_id) == ("thing.created", str(ID))
        assert event.changes == {
            "name": {"after": "Đinh"},
            "tags": {"after": ()},
            "attributes": {"after": {"a": 1}},
            "version": {"after": 1},
        }

    def test_leaves_out_what_is_hidden(self):
        assert created("thing", 1, Thing(), hidden={"name"}).changes.keys() == {
            "tags",
            "attributes",
            "version",
        }


class TestDeleted:
    def test_tells_every_field_before(self):
        event = deleted("thing", "a", Thing())
        assert (event.type, event.resource_id) == ("thing.deleted", "a")
        assert event.changes["name"] == {"before": "Đinh"}


class TestUpdated:
    def test_tells_the_fields_that_differ_alone(self):
        late = datetime(2027, 3, 1, tzinfo=UTC)
        event = updated("thing", "a", Thing(), Thing(name="Ốc", version=2, updated_at=late))
        assert (event.type, event.resource_id) == ("thing.updated", "a")
        assert event.changes == {
            "name": {"before": "Đinh", "after": "Ốc"},
            "version": {"before": 1, "after": 2},
        }

    @pytest.mark.parametrize(
        ("before", "after"),
        [({"a": 1}, {"a": True}), ({"a": [0]}, {"a": [False]}), ({"a": 1}, {"a": 1.0})],
    )
    def test_tells_what_only_python_takes_for_equal(
        self, before: dict[str, object], after: dict[str, object]
    ):
        told = differences(Thing(attributes=before), Thing(attributes=after))
        assert told.keys() == {"attributes"}
        [change] = told.values()
        assert str(change) == str({"before": before, "after": after})

    def test_tells_nothing_where_nothing_differs(self):
        assert differences(Thing(attributes={"a": [1]}), Thing(attributes={"a": [1]})) == {}
