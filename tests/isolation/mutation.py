"""A plugin of pytest that gives one module of the service another source as it is imported.

``-p tests.isolation.mutation`` with the mutant in the environment; nothing on the disk is changed.
It imports nothing of the service: what is imported already cannot be given another source.
"""

import importlib
import json
import os
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any, Final

MUTANT: Final = "SOKHO_MUTANT"


class NotAppliedError(Exception):
    """The mutant does not fit the source any more, or its tests could not be run."""


def _install(file: str, old: str, new: str) -> None:
    get_code = SourceFileLoader.get_code

    def mutated(self: Any, fullname: str) -> CodeType | None:
        if not self.path.endswith(file):
            return get_code(self, fullname)
        source = self.get_data(self.path).decode()
        if old not in source:
            raise NotAppliedError(f"{file} does not say {old!r}")
        code: CodeType = compile(source.replace(old, new), self.path, "exec")
        _APPLIED.append(fullname)
        return code

    setattr(SourceFileLoader, "get_code", mutated)  # noqa: B010 - mypy knows it as a method
    importlib.import_module(file.removesuffix(".py").replace("/", "."))
    if not _APPLIED:
        raise NotAppliedError(f"{file} was imported before it could be changed")


_APPLIED: list[str] = []

if MUTANT in os.environ:
    _install(*json.loads(os.environ[MUTANT]))
