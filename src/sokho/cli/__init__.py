"""The command line: what an operator types, and what it answers."""

import sys

import typer

from sokho.cli import checks, database, demo, keys, operator_key, serving, tenants
from sokho.cli.language import tr
from sokho.cli.output import fail
from sokho.core.domain.errors import DomainError, OperatorError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=tr(
        "Sổ kho: hàng hóa và tồn kho của nhiều doanh nghiệp, mỗi bên tách biệt.",
        "Items and stock of many businesses, each sealed from the others.",
    ),
)
serving.add_to(app)
demo.add_to(app)
app.add_typer(tenants.app)
app.add_typer(keys.app)
app.add_typer(database.app)
app.add_typer(operator_key.app)
app.add_typer(checks.app)


def main() -> None:
    """Run the command line; a user's mistake ends in a sentence and exit code 1."""
    try:
        app()
    except OperatorError as error:
        fail(error.text)
    except DomainError as error:
        fail(error.text, getattr(error, "errors", ()))
    except KeyboardInterrupt:
        sys.exit(130)
