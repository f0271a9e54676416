"""``sokho key``: the API keys of one business."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from sokho.cli.language import language, tr
from sokho.cli.output import print_json, print_table
from sokho.cli.runtime import running_database, with_database
from sokho.cli.tenants import AsJson
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.modules.api_keys.domain.entities import LONGEST_OVERLAP
from sokho.modules.api_keys.domain.service import ApiKeyService, NewApiKey
from sokho.provisioning import api_key_service

app = typer.Typer(
    name="key", no_args_is_help=True, help=tr("Quản lý khóa API.", "Manage API keys.")
)

TenantOption = Annotated[
    UUID, typer.Option("--tenant", help=tr("Mã doanh nghiệp (tenant_id).", "The business's id."))
]

_T = TypeVar("_T")


@app.command(help=tr("Tạo khóa API và in ra một lần.", "Make an API key; it is shown once."))
def create(
    tenant: TenantOption,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help=tr("Quyền, lặp lại được; mặc định: tất cả.", "Repeatable; all if none.")),
    ] = None,
    role: Annotated[
        Role | None, typer.Option(help=tr("Vai trò, thay cho quyền.", "A role, not scopes."))
    ] = None,
    name: Annotated[str, typer.Option(help=tr("Tên của khóa.", "The key's name."))] = "cli",
    as_json: AsJson = False,
) -> None:
    scopes = scope or (None if role else list(Scope))
    made = _on_keys(tenant, lambda service: service.create(tenant, name, scopes, role=role))
    _print_once(made, as_json=as_json)


@app.command("list", help=tr("Liệt kê khóa của một doanh nghiệp.", "List a business's keys."))
def list_(tenant: TenantOption, as_json: AsJson = False) -> None:
    keys = _on_keys(tenant, lambda service: service.list())
    rows = [
        {
            "key_id": key.id,
            "name": key.name,
            "scopes": key.scopes,
            "role": key.role,
            "last_used_at": key.last_used_at,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        for key in keys
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        (
            "key_id",
            tr("tên", "name"),
            tr("vai trò", "role"),
            tr("quyền", "scopes"),
            tr("hết hạn lúc", "expires"),
            tr("dùng lần cuối", "last used"),
            tr("thu hồi lúc", "revoked"),
        ),
        (
            (
                key.id,
                key.name,
                key.role and key.role.label.in_language(language()),
                " ".join(key.scopes),
                _moment(key.expires_at),
                _moment(key.last_used_at),
                _moment(key.revoked_at),
            )
            for key in keys
        ),
    )


@app.command(help=tr("Thu hồi một khóa.", "Revoke a key."))
def revoke(key_id: UUID, tenant: TenantOption) -> None:
    _on_keys(tenant, lambda service: service.revoke(key_id))
    typer.echo(tr("Đã thu hồi; khóa hết hiệu lực trong vòng 5 giây.", "Revoked, within 5 seconds."))


@app.command(help=tr("Thay khóa bằng một khóa mới cùng quyền.", "Replace a key by a new one."))
def rotate(
    key_id: UUID,
    tenant: TenantOption,
    overlap: Annotated[
        int,
        typer.Option(
            min=0,
            max=LONGEST_OVERLAP,
            help=tr("Khóa cũ còn dùng được bao nhiêu giây.", "Seconds the old key still works."),
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    made = _on_keys(tenant, lambda service: service.rotate(key_id, timedelta(seconds=overlap)))
    _print_once(made, as_json=as_json)


def _moment(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(" ", "seconds")


def _print_once(made: NewApiKey, *, as_json: bool) -> None:
    if as_json:
        print_json({"key_id": made.key.id, "api_key": made.token, "scopes": made.key.scopes})
        return
    typer.echo(f"key_id   {made.key.id}")
    typer.echo(f"api_key  {made.token}")


def _on_keys(tenant_id: UUID, work: Callable[[ApiKeyService], Awaitable[_T]]) -> _T:
    with running_database() as (settings, _):
        derived = settings.derived_keys()

        async def run(database: Database) -> _T:
            async with database.transaction(tenant_id) as transaction:
                return await work(api_key_service(transaction, derived))

        return with_database(settings, run)
