"""What is taken is kept exactly: read again, it is what was sent."""

import json
import unicodedata
from datetime import datetime
from typing import Any, Final

import httpx2
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.api.arbitrary import TRIED, fitting, written
from tests.api.documented import WITH_BODY, Documented
from tests.api.premises import Premises
from tests.api.problems import problem_of
from tests.conftest import Business


async def read(premises: Premises, path: str) -> Any:
    answer = await premises.send("GET", path)
    assert answer.status_code == 200, path
    return answer.json()


async def sent_and_read(
    premises: Premises, operation: Documented, sent: Any, answer: httpx2.Response
) -> list[tuple[Any, Any]]:
    """Return what was said of each thing, and what is read of it now."""
    told = answer.json()
    if "ids" in told:
        found = [await read(premises, f"/v1/items/{id}") for id in told["ids"]]
        return list(zip(sent["items"], found, strict=True))
    path = answer.headers.get("location") or premises.path_of(operation)
    told.pop("api_key", None)  # shown only once
    if operation.method == "PUT":  # a conversion is read in its list
        assert told in await read(premises, path.rpartition("/")[0])
    else:
        assert told == await read(premises, path)
    return [(sent, told)]


def as_kept(name: str, value: Any, attributes: Any, found: Any) -> Any:
    """Return what is kept of a field, given the `attributes` that it is merged into, if any."""
    kept = value
    match name:
        case "name" if found == value.strip():
            kept = found  # a key's and a business's is trimmed
        case "scopes":
            kept = sorted(set(value)) if value is not None else found
        case "expires_at" if value is not None:
            is_then = datetime.fromisoformat(value) == datetime.fromisoformat(found)
            kept = found if is_then else value
        case "sku" | "unit" | "code":
            kept = unicodedata.normalize("NFC", value.strip())
        case "tags":
            kept = list(dict.fromkeys(value or []))
        case "attributes" | "settings":
            is_merged = attributes is not None and value is not None
            kept = merged(attributes, value) if is_merged else value or {}
    return kept


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch, in the words of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are one JSON; to Python 1, 1.0 and true are equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    # jsonb writes a float with an exponent out, and it is then as whole as it looks.
    written_out = isinstance(one, float) and abs(one) >= 1e16 and type(other) is int
    return bool(float(other) == one if written_out else one == other and type(one) is type(other))


# What a rotation is told is how, and not what; test_api_keys_rotation.py has it.
# The lines of a stock document come back as moves; test_stock_documents.py has them.
KEEPING: Final = [
    operation
    for operation in WITH_BODY
    if not operation.path.endswith("/rotate") and not operation.path.startswith("/v1/stock")
]


@pytest.mark.parametrize("operation", KEEPING, ids=str)
class TestWhatFits:
    @settings(TRIED, max_examples=80)
    @given(data=st.data())
    async def test_is_read_as_it_was_sent(
        self, premises: Premises, operation: Documented, data: st.DataObject
    ):
        sent = data.draw(fitting(operation.body))
        attributes = None
        if operation.method == "PATCH":
            before = await read(premises, premises.path_of(operation))
            attributes = before.get("attributes", before.get("settings"))
        answer = await premises.call(operation, written(sent))
        await premises.foresees(operation, answer)
        assume(answer.is_success)
        for given_, found in await sent_and_read(premises, operation, sent, answer):
            for name, value in given_.items():
                assert is_same(as_kept(name, value, attributes, found[name]), found[name]), name


class TestAttributes:
    @pytest.mark.parametrize(
        "text",
        [
            *("1", "1.0", "true", "-1", "0", "0.0", "0.1", "1e-18", "123.456", "1.5e3", "1e15"),
            *("9223372036854775807", "-9223372036854775808", "9007199254740993", "2.0e0"),
            *("0.30000000000000004", "1.7976931348623157e18", "null", "[]", "{}", '""', "[[]]"),
            *('[null,{},[],""]', '{"":{"":""}}', '[1,1.0,true,"1"]', '" "', r'"\u0001\t\r\n"'),
            *(r'"\ud83d\ude00"', '"e\u0301"', '"\u00e9"', '"\ufeff"', '"\uffff"', r'"\"\\\/"'),
        ],
    )
    async def test_are_kept_to_the_last_bit(self, premises: Premises, text: str):
        body = f'{{"sku":"A","name":"B","attributes":{{"k":{text}}}}}'.encode()
        sent = [(b"content-type", b"application/json")]
        answer = await premises.send("POST", "/v1/items", [body], headers=sent)
        found = await read(premises, answer.headers["location"])
        assert is_same(json.loads(text), found["attributes"]["k"])

    def test_are_compared_as_json(self):
        """The control: what Python takes for the same is told apart."""
        for one, other in ((1, 1.0), (1, True), ([0], [False]), ({"k": 1}, {"k": 1.0}), ([], {})):
            assert not is_same(one, other)
            assert not is_same(other, one)


class TestUnitOfABatch:
    """Found by the properties above: a set of rows that the driver could not send."""

    async def change(self, business: Business) -> httpx2.Response:
        row = {"sku": "A", "name": "B", "unit": "kg"}
        return await business.http.post("/v1/items/batch", json={"items": [row]})

    async def test_is_changed_where_nothing_is_told_in_it(self, business: Business):
        made = await business.http.post("/v1/items", json={"sku": "A", "name": "B"})
        assert (await self.change(business)).json()["updated"] == 1
        assert (await business.http.get(made.headers["location"])).json()["unit"] == "kg"

    async def test_stays_where_a_conversion_is_told_in_it(self, business: Business):
        made = await business.http.post("/v1/items", json={"sku": "A", "name": "B"})
        conversion = f"{made.headers['location']}/conversions/thùng"
        await business.http.put(conversion, json={"numerator": 24})
        problem = problem_of(await self.change(business), 409, "unit_in_use")
        assert [error["pointer"] for error in problem["errors"]] == ["/items/0/unit"]
        assert (await business.http.get(made.headers["location"])).json()["unit"] == "cái"
