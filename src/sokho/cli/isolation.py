"""``sokho check isolation``: whether tenants are sealed, in this database or any other."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import asyncpg
import typer

from sokho.cli.language import language, tr
from sokho.cli.output import fail, print_json, print_table
from sokho.cli.runtime import running_database, with_database
from sokho.cli.tenants import AsJson
from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.isolation import (
    Finding,
    Report,
    Target,
    check_isolation,
    role_of,
)
from sokho.core.infrastructure.database.readiness import UNREACHABLE
from sokho.core.infrastructure.database.seal import Finding as Leak
from sokho.core.infrastructure.database.seal import find_leaks

_SHOWN: Final = 20
"""Of what could not be exercised: of an empty database that is every table."""

_SEALED: Final = Text(
    vi="Đã tách biệt: không phát hiện vấn đề. Vai trò {role}, {tables} bảng có doanh nghiệp.",
    en="Sealed: nothing found. Role {role}, tables with a tenant: {tables}.",
)
_LEAKING: Final = Text(
    vi="CHƯA tách biệt: {findings} vấn đề. Vai trò {role}, {tables} bảng có doanh nghiệp.",
    en="NOT sealed: {findings} findings. Role {role}, tables with a tenant: {tables}.",
)
_WHO_CONNECTS: Final = Text(
    vi="Đã xét vai trò kết nối, {role}; hãy nêu vai trò của dịch vụ bằng --app-role.",
    en="The role that connects was judged, {role}; name the service's role by --app-role.",
)
_BAD_URL: Final = Text(
    vi="--database-url phải có dạng postgresql://người_dùng:mật_khẩu@máy:cổng/cơ_sở_dữ_liệu",
    en="--database-url has to be postgresql://user:password@host:port/database",
)


def add_to(app: typer.Typer) -> None:
    """Add the command to ``sokho check``."""
    app.command(
        name="isolation",
        help=tr(
            "Các doanh nghiệp có được tách biệt không, trong bất kỳ cơ sở dữ liệu nào?",
            "Are tenants sealed, in any database?",
        ),
    )(isolation)


def isolation(  # noqa: PLR0917 - typer calls it by name
    database_url: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "Cơ sở dữ liệu cần kiểm tra; bỏ trống là của Sokho.",
                "The database to check; left out, it is Sokho's own.",
            )
        ),
    ] = None,
    schema: Annotated[
        list[str] | None,
        typer.Option(help=tr("Chỉ lược đồ này; lặp lại được.", "This schema alone; repeatable.")),
    ] = None,
    app_role: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "Vai trò mà dịch vụ đăng nhập; bỏ trống là của địa chỉ.",
                "The role that the service logs in as; left out, it is the URL's.",
            )
        ),
    ] = None,
    tenant_column: Annotated[
        str, typer.Option(help=tr("Cột doanh nghiệp.", "The tenant column."))
    ] = Target.tenant_column,
    tenant_setting: Annotated[
        str,
        typer.Option(help=tr("Biến gán doanh nghiệp.", "The setting that binds a tenant.")),
    ] = Target.tenant_setting,
    shared_table: Annotated[
        list[str] | None,
        typer.Option(
            help=tr(
                "Bảng mà mọi doanh nghiệp đều được đọc; lặp lại được.",
                "A table that every tenant may read; repeatable.",
            )
        ),
    ] = None,
    probe_writes: Annotated[
        bool,
        typer.Option(
            "--probe-writes",
            help=tr(
                "Thử ghi dòng của doanh nghiệp khác rồi hủy; không dùng thì không ghi gì.",
                "Try to write other tenants' rows, and roll back; without it nothing is written.",
            ),
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Exit with 0 when sealed, 1 with findings, 2 when the check could not run."""
    target = Target(
        app_role=app_role or "",
        tenant_column=tenant_column,
        tenant_setting=tenant_setting,
        schemas=frozenset(schema or ()),
        shared_tables=frozenset(shared_table or ()),
        probe_writes=probe_writes,
    )
    try:
        if database_url is None:
            report, leaks = _own(target)
        else:
            report, leaks = _check(database_url, target), []
    except OperatorError as error:
        fail(error.text, exit_code=2)
    if as_json:
        print_json(_document(report, leaks))
    else:
        _print(report, leaks)
    if not app_role and any(each.code == "role_superuser" for each in report.found):
        typer.echo(_WHO_CONNECTS.format(role=report.app_role).in_language(language()), err=True)
    raise typer.Exit(1 if report.findings or leaks else 0)


def _own(target: Target) -> tuple[Report, list[Leak]]:
    """Check the database of the settings: by what holds for any, and by our own template."""
    with running_database() as (settings, _):
        url = settings.url("database_url")
        sees_more = settings.admin_database_url
        dsn = url if sees_more is None else sees_more.get_secret_value()
        role = target.app_role or unquote(urlsplit(url).username or "")
        report = _check(dsn, replace(target, app_role=role))
        known = {(each.code, each.object) for each in report.found}
        leaks = [
            each
            for each in with_database(settings, _find)
            if not {(each.code, each.object), (each.code, f"public.{each.object}")} & known
        ]
    return report, leaks


async def _find(database: Database) -> list[Leak]:
    async with database.unbound() as connection:
        return await find_leaks(connection)


def _check(dsn: str, target: Target) -> Report:
    async def run() -> Report:
        role = target.app_role or await role_of(dsn)
        return await check_isolation(dsn, replace(target, app_role=role))

    try:
        if urlsplit(dsn).scheme not in {"postgresql", "postgres"}:
            raise OperatorError(_BAD_URL)
        return asyncio.run(run())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OperatorError(UNREACHABLE.format(reason=error or type(error).__name__)) from error
    except ValueError as error:
        raise OperatorError(_BAD_URL) from error


def _document(report: Report, leaks: Iterable[Leak]) -> dict[str, object]:
    findings = [_told(each) for each in report.findings]
    findings += [
        {
            "code": each.code,
            "object": each.object,
            "detail": "",
            "mend": "",
            "reason": each.text._asdict(),
        }
        for each in leaks
    ]
    return {
        "sealed": not findings,
        "app_role": report.app_role,
        "tenant_tables": report.tenant_tables,
        "findings": findings,
        "advice": [_told(each) for each in report.advice],
        "not_exercised": [_told(each) for each in report.not_exercised],
    }


def _told(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "object": finding.object,
        "detail": finding.detail,
        "reason": finding.reason._asdict(),
        "mend": finding.mend,
    }


def _print(report: Report, leaks: list[Leak]) -> None:
    findings = report.findings
    rows = [(each.code, _subject(each), _reason(each.reason), each.mend) for each in findings]
    rows += [(each.code, each.object, _reason(each.text), "") for each in leaks]
    mend = tr("câu lệnh khắc phục", "the statement that mends it")
    headings = (tr("đối tượng", "object"), tr("vì sao", "why"))
    if rows:
        print_table((tr("vấn đề", "finding"), *headings, mend), rows)
    if report.advice:
        advice = [(each.code, _subject(each), _reason(each.reason)) for each in report.advice]
        print_table((tr("lời khuyên", "advice"), *headings), advice)
    if untried := report.not_exercised:
        told = [(each.code, _subject(each), _reason(each.reason)) for each in untried[:_SHOWN]]
        if len(untried) > _SHOWN:
            told.append(("…", f"+ {len(untried) - _SHOWN}", ""))
        print_table((tr("chưa thử được", "not exercised"), *headings), told)
    text = _LEAKING if rows else _SEALED
    typer.echo(
        text.format(
            role=report.app_role, tables=report.tenant_tables, findings=len(rows)
        ).in_language(language())
    )


def _subject(finding: Finding) -> str:
    return f"{finding.object} ({finding.detail})" if finding.detail else finding.object


def _reason(text: Text) -> str:
    return text.in_language(language())
