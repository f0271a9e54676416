"""How the command line answers: tables for people, JSON for programs, errors on stderr."""

import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

import msgspec
import typer

from sokho.cli.language import language
from sokho.core.domain.errors import FieldError
from sokho.core.domain.texts import Text


def print_json(value: object) -> None:
    """Print one JSON document."""
    typer.echo(msgspec.json.encode(value).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table as wide as its content: ids must survive being piped and copied."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 240)
    console.print(table)


def fail(text: Text, errors: Iterable[FieldError] = (), *, exit_code: int = 1) -> NoReturn:
    """Say what is wrong on standard error, and exit."""
    typer.secho(text.in_language(language()), fg=typer.colors.RED, err=True)
    for error in errors:
        typer.echo(f"  {error.pointer}: {error.text.in_language(language())}", err=True)
    sys.exit(exit_code)
