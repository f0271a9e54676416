"""``sokho check``: whether a database is what it has to be."""

import typer

from sokho.cli.language import language, tr
from sokho.cli.output import fail, print_json
from sokho.cli.runtime import running_database, with_database
from sokho.cli.tenants import AsJson
from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.seal import Finding, find_leaks

app = typer.Typer(
    name="check", no_args_is_help=True, help=tr("Kiểm tra hệ thống.", "Check the system.")
)


@app.callback()
def _group() -> None:
    """Keep `isolation` a command of its own."""


@app.command(help=tr("Các doanh nghiệp có được tách biệt không?", "Are tenants sealed?"))
def isolation(as_json: AsJson = False) -> None:
    """Exit with 0 when sealed, 1 with findings, 2 when the check could not run."""
    try:
        with running_database() as (settings, _):
            findings = with_database(settings, _find)
    except OperatorError as error:
        fail(error.text, exit_code=2)
    if as_json:
        print_json(
            [
                {"code": each.code, "object": each.object, "reason": each.text.en}
                for each in findings
            ]
        )
    elif findings:
        for finding in findings:
            typer.echo(finding.line.in_language(language()))
    else:
        typer.echo(tr("Đã tách biệt: không phát hiện vấn đề.", "Sealed: nothing found."))
    raise typer.Exit(1 if findings else 0)


async def _find(database: Database) -> list[Finding]:
    async with database.unbound() as connection:
        return await find_leaks(connection)
