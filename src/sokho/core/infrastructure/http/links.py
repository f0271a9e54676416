"""Links of the OpenAPI document: from an answer that shows a resource to the operations on it."""

from collections.abc import Iterator
from typing import Any, Final

_SHOWS_ONE: Final = ("get", "post", "put", "patch")


def add_links(paths: dict[str, Any]) -> None:
    """Say how each operation on a resource follows from what made or showed it.

    OpenAPI 3.1, section 4.8.20. The names decide: `POST /things` and whatever answers at
    `/things/{thing_id}` lead to the operations there and below; `{thing_id}` is the `id` of
    an answer, any other parameter the field of its name. What needs If-Match gets the ETag.
    """
    for path, methods in paths.items():
        collection, _, parameter = path.rpartition("/")
        if not parameter.startswith("{"):
            continue
        inherited = {name: f"$request.path.{name}" for name in _parameters(collection)}
        name = parameter.strip("{}")
        field = "id" if name.endswith("_id") else name
        made = {**inherited, name: f"$response.body#/{field}"}
        shown = {**inherited, name: f"$request.path.{name}"}
        targets = list(_operations_below(paths, path))
        if "post" in paths.get(collection, {}):
            _link(paths[collection]["post"], made, targets)
        for method in _SHOWS_ONE:
            if method in methods:
                _link(methods[method], shown, targets)


def _parameters(path: str) -> list[str]:
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]


def _operations_below(paths: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    for other, methods in paths.items():
        if other == path or other.startswith(f"{path}/"):
            yield from methods.values()


def _link(origin: dict[str, Any], values: dict[str, str], targets: list[dict[str, Any]]) -> None:
    for status, response in origin["responses"].items():
        if status not in {"200", "201"}:
            continue
        links = response["links"] = {}
        for target in targets:
            parameters = {f"path.{name}": value for name, value in values.items()}
            headers = {each["name"] for each in target["parameters"] if each["in"] == "header"}
            if "If-Match" in headers and "ETag" in response["headers"]:
                parameters["header.If-Match"] = "$response.header.ETag"
            if target is not origin or "header.If-Match" in parameters:
                links[target["operationId"]] = {
                    "operationId": target["operationId"],
                    "parameters": parameters,
                }
