"""The fields of an entity, whether it is a struct or a dataclass."""

from dataclasses import fields


def field_names(kind: type) -> tuple[str, ...]:
    """Return the names of the fields of a kind of entity, in their order."""
    names: tuple[str, ...] | None = getattr(kind, "__struct_fields__", None)
    return tuple(field.name for field in fields(kind)) if names is None else names
