"""The command line as tests use it: within this process, or as one of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import sokho.cli
from sokho.cli.language import language

SOKHO = Path(sys.executable).with_name("sokho")


class Answer(NamedTuple):
    """What a command ended with and printed."""

    returncode: int
    stdout: str
    stderr: str


class Cli:
    """Runs commands with a given environment."""

    def __init__(self, **environment: str) -> None:
        outer = {name: value for name, value in os.environ.items() if not _is_language(name)}
        self._environment = {**outer, **environment}

    def __call__(self, *arguments: str, **extra: str) -> Answer:
        """Run `sokho` within this process, where starting Python anew would cost a second.

        An exception that a user would see as a traceback fails the test.
        """
        raised: list[BaseException] = []
        code = 0

        def run() -> None:  # in a thread: there is no event loop, as on a command line
            nonlocal code
            try:
                sokho.cli.main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
            except BaseException as error:  # noqa: BLE001 - raised again by the test
                raised.append(error)

        with (
            patch.dict(os.environ, {**self._environment, **extra}, clear=True),
            patch.object(sys, "argv", ["sokho", *arguments]),
            contextlib.redirect_stdout(io.StringIO()) as stdout,
            contextlib.redirect_stderr(io.StringIO()) as stderr,
            _language_chosen_anew(),
        ):
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
        if raised:
            raise raised[0]
        return Answer(code, stdout.getvalue(), stderr.getvalue())

    def json(self, *arguments: str) -> object:
        """Run a command that prints one JSON document."""
        answer = self(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def process(self, *arguments: str, **extra: str) -> Answer:
        """Run `sokho` as a process of its own."""
        ended = subprocess.run(
            [SOKHO, *arguments],
            env={**self._environment, **extra},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Answer(ended.returncode, ended.stdout, ended.stderr)


@contextlib.contextmanager
def _language_chosen_anew() -> Iterator[None]:
    language.cache_clear()
    yield
    language.cache_clear()


def _is_language(name: str) -> bool:
    return name in {"LANG", "LANGUAGE", "SOKHO_LANG"} or name.startswith("LC_")
