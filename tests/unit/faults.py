"""What a rule finds fault with, as a test reads it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sokho.core.domain.errors import InvalidError


@contextmanager
def faults(*expected: tuple[str, str]) -> Iterator[None]:
    """Expect a refusal that names these pointers and codes, and no other."""
    with pytest.raises(InvalidError) as caught:
        yield
    assert [(error.pointer, error.code) for error in caught.value.errors] == list(expected)
