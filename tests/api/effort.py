"""What a request makes Python do, counted: no clock, so no noise."""

import selectors
import sys
from asyncio import events
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pydantic_core import SchemaValidator
from sqlalchemy.sql.compiler import Compiled

# How often the event loop looks whether PostgreSQL has answered depends on the machine.
_LOOP: Final = (str(Path(events.__file__).parent), selectors.__file__)


class Effort:
    """What was called while it was counted."""

    def __init__(self) -> None:
        self.calls = 0
        """Of Python functions, the event loop's own aside; a coroutine's each time it goes on."""

        self.compiled = 0
        """Statements that SQLAlchemy has compiled."""

        self.validated: Counter[str] = Counter()
        """How often Pydantic validated something: a model by its name, each parameter by itself."""

    @property
    def validated_twice(self) -> list[str]:
        """What was validated more than once."""
        return [name for name, times in self.validated.items() if times > 1]

    def _watch(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            code = frame.f_code
            self.calls += not code.co_filename.startswith(_LOOP)
            self.compiled += code is Compiled.__init__.__code__
        elif event == "c_call":
            owner = getattr(called, "__self__", None)
            if isinstance(owner, SchemaValidator) and called.__name__.startswith("validate"):
                is_model = owner.title[0].isupper()
                self.validated[owner.title if is_model else f"{owner.title} {id(owner)}"] += 1


@contextmanager
def counted() -> Iterator[Effort]:
    """Count what this thread does in the block."""
    effort = Effort()
    sys.setprofile(effort._watch)
    try:
        yield effort
    finally:
        sys.setprofile(None)
