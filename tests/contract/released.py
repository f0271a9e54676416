"""The document of the last release, which `/v1` stays compatible with.

``python -m tests.contract.released`` writes it anew, when a version is released. It is the served
document without what no client depends on: texts, examples, links, and refusals, which have one
shape. Until 0.1.0 is released, it is what 0.1.0 is going to be.
"""

import json
from pathlib import Path
from typing import Any, Final

from sokho.app import create_app
from sokho.core.infrastructure.settings import Settings

FILE: Final = Path(__file__).parents[2] / "contract" / "openapi-0.1.0.json"

_TELLING: Final = {"description", "summary", "example", "examples", "title", "tags", "links"}


def served_document() -> dict[str, Any]:
    """Return the whole document of this version, which needs no database."""
    nowhere = "postgresql://nobody@localhost/nowhere"
    settings = {"database_url": nowhere, "secret": "for no service: a document has no secrets"}
    return create_app(Settings.model_validate(settings)).openapi()


def essence(document: Any) -> dict[str, Any]:
    """Return a document's paths, with schemas, without what only tells."""
    paths = {
        path: {method: _operation(operation) for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    schemas = {
        name: _schema(schema)
        for name, schema in document["components"]["schemas"].items()
        if f'"#/components/schemas/{name}"' in json.dumps(paths | document["components"])
    }
    return {"openapi": document["openapi"], "paths": paths, "components": {"schemas": schemas}}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    answers = {
        status: response for status, response in operation["responses"].items() if status < "4"
    }
    kept: dict[str, Any] = _without_texts(operation | {"responses": answers})
    return kept


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = _without_texts(schema)
    if "properties" in schema:  # a field may be called `description`
        kept["properties"] = {
            name: _without_texts(each) for name, each in schema["properties"].items()
        }
    return kept


def _without_texts(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_texts(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _without_texts(each) for name, each in part.items() if name not in _TELLING}


if __name__ == "__main__":
    written = json.dumps(essence(served_document()), ensure_ascii=False, indent=1, sort_keys=True)
    FILE.write_text(written + "\n")
