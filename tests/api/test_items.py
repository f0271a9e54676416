"""``/v1/items`` over HTTP."""

from tests.conftest import Business


class TestCreateItem:
    async def test_answers_the_item_with_its_address_and_version(self, business: Business):
        answer = await business.http.post(
            "/v1/items", json={"sku": " ĐINH-5P ", "name": "Đinh 5 phân", "tags": ["đinh"]}
        )
        assert answer.status_code == 201
        item = answer.json()
        assert item["sku"] == "ĐINH-5P"
        assert answer.headers["location"] == f"/v1/items/{item['id']}"
        assert answer.headers["etag"] == '"1"'
        again = await business.http.get(answer.headers["location"])
        assert again.json() == item

    async def test_another_tenant_does_not_see_it(self, business: Business, other: Business):
        answer = await business.http.post("/v1/items", json={"sku": "A", "name": "A"})
        stolen = await other.http.get(answer.headers["location"])
        assert stolen.status_code == 404
