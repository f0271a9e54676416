"""Items that parse but do not fit: which field is at fault, and nothing of what was sent."""

import json
from typing import Any

import pytest

from tests.api.problems import CANARY, faults_of, problem_of
from tests.conftest import Business

VALID: dict[str, Any] = {"sku": "A", "name": "B"}
TOO_BIG = "9" * 19  # 2**63 is 9223372036854775808


async def faults(business: Business, body: Any) -> list[tuple[str, str]]:
    """Return what is wrong with `body`, text or what becomes JSON; nothing may be stored."""
    text = body if isinstance(body, str) else json.dumps(body)
    answer = await business.http.post(
        "/v1/items", content=text.encode(), headers={"Content-Type": "application/json"}
    )
    found = faults_of(answer)
    assert (await business.http.get("/v1/items")).json() == []
    return found


class TestFields:
    @pytest.mark.parametrize("name", ["id", "tenant_id", "version", "created_at", "updated_at"])
    async def test_that_are_read_only_are_refused(self, business: Business, name: str):
        assert await faults(business, VALID | {name: CANARY}) == [("", "unknown_field")]

    @pytest.mark.parametrize(
        "name", [CANARY, "SKU", "sku ", "", "q", "a/b~c", "\0", "__class__", "self"]
    )
    async def test_that_are_unknown_are_refused(self, business: Business, name: str):
        assert await faults(business, VALID | {name: CANARY}) == [("", "unknown_field")]

    async def test_that_are_thousands_are_refused_at_once(self, business: Business):
        many = {f"{CANARY}{number}": 1 for number in range(5_000)}
        assert await faults(business, VALID | many) == [("", "invalid")]

    async def test_whose_name_is_no_text_are_refused(self, business: Business):
        body = VALID | {f"{CANARY}\ud800": CANARY}
        assert await faults(business, body) == [("", "invalid_character")]

    @pytest.mark.parametrize("name", ["sku", "name"])
    async def test_that_are_required_are_told(self, business: Business, name: str):
        body = {key: CANARY for key in VALID if key != name}
        assert await faults(business, body) == [(f"/{name}", "required")]

    async def test_are_all_told_at_once(self, business: Business):
        body = {"sku": 1, "barcode": [], "tags": ["x", 2], CANARY: 1}
        assert sorted(await faults(business, body)) == [
            ("", "unknown_field"),
            ("/barcode", "invalid"),
            ("/name", "required"),
            ("/sku", "invalid"),
            ("/tags/1", "invalid"),
        ]

    @pytest.mark.parametrize("body", ["[]", '"canary7Q"', "1", "null", "true", "[{}]"])
    async def test_are_those_of_an_object(self, business: Business, body: str):
        assert await faults(business, body) == [("", "invalid")]


class TestTypes:
    @pytest.mark.parametrize("wrong", [1, 1.5, True, None, [CANARY], {CANARY: 1}], ids=repr)
    @pytest.mark.parametrize("name", ["sku", "name", "unit", "status"])
    async def test_of_texts(self, business: Business, name: str, wrong: object):
        assert await faults(business, VALID | {name: wrong}) == [(f"/{name}", "invalid")]

    @pytest.mark.parametrize("wrong", [1, False, [CANARY], {CANARY: 1}], ids=repr)
    @pytest.mark.parametrize("name", ["description", "barcode"])
    async def test_of_texts_that_may_be_null(self, business: Business, name: str, wrong: object):
        assert await faults(business, VALID | {name: wrong}) == [(f"/{name}", "invalid")]

    @pytest.mark.parametrize("wrong", [CANARY, 1, None, {CANARY: 1}], ids=repr)
    async def test_of_tags(self, business: Business, wrong: object):
        assert await faults(business, VALID | {"tags": wrong}) == [("/tags", "invalid")]

    @pytest.mark.parametrize("wrong", [1, None, ["x"], {"a": 1}], ids=repr)
    async def test_of_a_tag(self, business: Business, wrong: object):
        assert await faults(business, VALID | {"tags": ["x", wrong]}) == [("/tags/1", "invalid")]

    @pytest.mark.parametrize("wrong", [CANARY, 1, None, [[CANARY, 1]], []], ids=repr)
    async def test_of_attributes(self, business: Business, wrong: object):
        assert await faults(business, VALID | {"attributes": wrong}) == [("/attributes", "invalid")]

    @pytest.mark.parametrize("wrong", ["Active", "deleted", "", CANARY])
    async def test_of_the_status(self, business: Business, wrong: str):
        assert await faults(business, VALID | {"status": wrong}) == [("/status", "invalid")]


class TestTexts:
    @pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\udc00\ud800"])
    @pytest.mark.parametrize("name", ["sku", "name", "unit", "description"])
    async def test_take_neither_nul_nor_a_lone_surrogate(
        self, business: Business, name: str, escape: str
    ):
        body = json.dumps(VALID | {name: f"{CANARY}@"}).replace("@", escape)
        assert await faults(business, body) == [(f"/{name}", "invalid_character")]

    @pytest.mark.parametrize("escape", [r"\u0000", r"\ud800"])
    async def test_of_a_tag_are_told_by_its_place(self, business: Business, escape: str):
        body = json.dumps(VALID | {"tags": ["x", f"{CANARY}@"]}).replace("@", escape)
        assert await faults(business, body) == [("/tags/1", "invalid_character")]

    @pytest.mark.parametrize("escape", [r"\u0000", r"\udfff"])
    @pytest.mark.parametrize("attributes", [{"k": "@"}, {"@": 1}, {"k": [{"@": "x"}]}])
    async def test_of_attributes_are_told(
        self, business: Business, attributes: object, escape: str
    ):
        body = json.dumps(VALID | {"attributes": attributes}).replace("@", CANARY + escape)
        assert await faults(business, body) == [("/attributes", "invalid_character")]

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"sku": "  "}, ("/sku", "too_short")),
            ({"sku": "a" * 65}, ("/sku", "too_long")),
            ({"sku": "a\nb"}, ("/sku", "invalid_character")),
            ({"name": ""}, ("/name", "too_short")),
            ({"name": " "}, ("/name", "too_short")),
            ({"name": "a" * 256}, ("/name", "too_long")),
            ({"unit": ""}, ("/unit", "too_short")),
            ({"unit": "a" * 33}, ("/unit", "too_long")),
            ({"description": "a" * 4_001}, ("/description", "too_long")),
            ({"barcode": "8934563138160"}, ("/barcode", "invalid_check_digit")),
            ({"barcode": "a" * 65}, ("/barcode", "invalid")),
            ({"barcode": f"{CANARY} {CANARY}"}, ("/barcode", "invalid")),
            ({"tags": [f"t{n}" for n in range(51)]}, ("/tags", "too_long")),
            ({"tags": ["x", ""]}, ("/tags/1", "too_short")),
            ({"tags": ["a" * 65]}, ("/tags/0", "too_long")),
            ({"attributes": {"k": "a" * 16_384}}, ("/attributes", "too_long")),
            ({"attributes": {"1": {"2": {"3": {"4": {"5": {}}}}}}}, ("/attributes", "too_deep")),
        ],
        ids=lambda value: str(value)[:40],
    )
    async def test_out_of_bounds_are_told(
        self, business: Business, change: dict[str, object], fault: tuple[str, str]
    ):
        assert await faults(business, VALID | change) == [fault]

    async def test_may_hold_a_pair_of_surrogates(self, business: Business):
        """Python's parser joins them: only a lone one is no character."""
        answer = await business.http.post(
            "/v1/items",
            content=rb'{"sku":"\ud83d\ude00","name":"B"}',
            headers={"Content-Type": "application/json"},
        )
        assert answer.json()["sku"] == "😀"


class TestNumbers:
    @pytest.mark.parametrize(
        "number",
        ["1e999", "-1e999", TOO_BIG, f"-{TOO_BIG}", "9223372036854775808"],
    )
    async def test_of_attributes_that_others_cannot_read_are_told(
        self, business: Business, number: str
    ):
        for attributes in (f'{{"k":{number}}}', f'{{"k":[{{"k":{number}}}]}}'):
            body = f'{{"sku":"A","name":"B","attributes":{attributes}}}'
            assert await faults(business, body) == [("/attributes", "out_of_range")]

    @pytest.mark.parametrize("number", ["1e999", TOO_BIG])
    async def test_in_the_place_of_a_text_are_told(self, business: Business, number: str):
        assert await faults(business, f'{{"sku":{number},"name":"B"}}') == [("/sku", "invalid")]

    @pytest.mark.parametrize("digits", [4_301, 100_000])
    async def test_of_thousands_of_digits_are_json_all_the_same(
        self, business: Business, digits: int
    ):
        """They parse, so the body is not malformed; Python's own limit is not the contract's."""
        number = "1" * digits
        assert await faults(business, f'{{"sku":"A","name":"B","attributes":{{"k":{number}}}}}')
        assert await faults(business, f'{{"sku":{number},"name":"B"}}')


class TestQuery:
    @pytest.mark.parametrize(
        ("query", "fault"),
        [
            ("?dry_run=1", ("/query", "unknown_field")),
            (f"?{CANARY}={CANARY}", ("/query", "unknown_field")),
            ("?a=1&a=2", ("/query", "repeated_parameter")),
            (f"?a={CANARY}%00", ("/query", "invalid_character")),
        ],
    )
    async def test_of_a_create_takes_no_parameter(
        self, business: Business, query: str, fault: tuple[str, str]
    ):
        answer = await business.http.post(f"/v1/items{query}", json=VALID)
        assert fault in faults_of(answer)
        assert (await business.http.get("/v1/items")).json() == []

    @pytest.mark.parametrize(
        "id", ["x", CANARY, "1", "%00", "null", "01a2055c-7546-71dc-98dc-b05a85e85d6"]
    )
    async def test_a_malformed_id_is_told(self, business: Business, id: str):
        assert faults_of(await business.http.get(f"/v1/items/{id}")) == [
            ("/path/item_id", "invalid")
        ]

    async def test_an_empty_id_is_another_address(self, business: Business):
        problem_of(await business.http.get("/v1/items/"), 404, "not_found")
