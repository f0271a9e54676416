"""Entities as JSON: a DTO names the fields, and the encoder writes them without a copy."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from operator import attrgetter
from typing import Final

import msgspec
from pydantic import BaseModel
from starlette.responses import Response

from sokho.core.domain.fields import field_names
from sokho.core.infrastructure.http.answers import JSONAnswer
from sokho.core.infrastructure.http.body import JSON
from sokho.core.infrastructure.http.preconditions import etag, is_known

_ENCODER: Final = msgspec.json.Encoder()


class SecretResponse(Response):
    """An answer that shows a secret: it is for nobody but who asked."""


class Representation:
    """How entities are shown to clients: the fields that `dto` names, and no other.

    What is stored was validated when it was stored; it is not validated again on the way
    out. That this gives the JSON that Pydantic would is held by a test.
    """

    def __init__(self, dto: type[BaseModel], entity: type) -> None:
        self._names = tuple(dto.model_fields)
        self._values = attrgetter(*self._names)
        # The encoder writes an entity by its fields: where they are the DTO's, no copy is due.
        self._shown_whole = entity if field_names(entity) == self._names else None

    def one(
        self,
        entity: object,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return one entity as a JSON object."""
        return _json(self._shown(entity), status, headers)

    def with_secret(
        self, entity: object, secret: Mapping[str, str], *, headers: Mapping[str, str]
    ) -> "SecretResponse":
        """Return a new entity as a JSON object, with a `secret` that is shown this once."""
        content = {**self._values_by_name(entity), **secret}
        return SecretResponse(_ENCODER.encode(content), 201, headers, media_type=JSON)

    def conditional(
        self, if_none_match: str | None, entity: object, version: int | str | None = None
    ) -> Response:
        """Return one entity with its ETag, or 304 when the caller has this version already.

        Of what has no version the content is the validator.
        """
        if version is None:
            version = sha256(_ENCODER.encode(self._shown(entity))).hexdigest()[:32]
        headers = etag(version)
        if is_known(if_none_match, version):
            return Response(status_code=304, headers=headers)
        return self.one(entity, headers=headers)

    def many(
        self, entities: Iterable[object], *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return entities as a JSON array."""
        shown = [*entities]
        if {*map(type, shown)} != {self._shown_whole}:
            shown = [self._shown(entity) for entity in shown]
        return _json(shown, 200, headers)

    def _shown(self, entity: object) -> object:
        if type(entity) is self._shown_whole:
            return entity
        return self._values_by_name(entity)

    def _values_by_name(self, entity: object) -> dict[str, object]:
        return dict(zip(self._names, self._values(entity), strict=True))


def _json(content: object, status: int, headers: Mapping[str, str] | None) -> Response:
    return JSONAnswer(_ENCODER.encode(content), status, headers)
