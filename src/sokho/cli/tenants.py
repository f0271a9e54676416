"""``sokho tenant``: opening, listing, suspending and resuming businesses."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from sokho.cli.language import tr
from sokho.cli.output import print_json, print_table
from sokho.cli.runtime import running_database, with_database, with_worker_database
from sokho.core.domain.errors import NotFoundError
from sokho.core.domain.paging import MAX_LIMIT
from sokho.core.domain.texts import Text
from sokho.core.domain.versions import ANY_VERSION
from sokho.core.infrastructure.database import Database
from sokho.modules.audit.infrastructure.postgres_repo import erase_actor
from sokho.modules.tenants.domain.entities import Tenant, TenantSummary
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import (
    PostgresTenantRepo,
    WorkerTenantDirectory,
)
from sokho.provisioning import open_business

app = typer.Typer(
    name="tenant", no_args_is_help=True, help=tr("Quản lý doanh nghiệp.", "Manage businesses.")
)

TenantArgument = Annotated[
    UUID, typer.Argument(help=tr("Mã doanh nghiệp (tenant_id).", "The business's id."))
]
AsJson = Annotated[bool, typer.Option("--json", help=tr("In ra JSON.", "Print JSON."))]


class ActorNotFoundError(NotFoundError):
    """The audit log of the business knows nobody by this name."""

    text = Text(
        vi="Nhật ký của doanh nghiệp không có ai mang tên này.",
        en="The business's audit log knows nobody by this name.",
    )


@app.command(help=tr("Mở một doanh nghiệp và in khóa API đầu tiên.", "Open a business."))
def create(
    name: Annotated[str, typer.Argument(help=tr("Tên doanh nghiệp.", "The business's name."))],
    as_json: AsJson = False,
) -> None:
    with running_database() as (settings, _):
        keys = settings.derived_keys()
        opened = with_database(settings, lambda database: open_business(database, keys, name))
    if as_json:
        print_json(
            {
                "tenant_id": opened.tenant.id,
                "name": opened.tenant.name,
                "api_key": opened.api_key,
            }
        )
        return
    typer.echo(tr("Đã mở doanh nghiệp", "Opened the business") + f" {opened.tenant.name}")
    typer.echo(f"  tenant_id  {opened.tenant.id}")
    typer.echo(f"  api_key    {opened.api_key}")
    typer.echo(
        tr(
            "Hãy cất khóa ở nơi an toàn: khóa chỉ hiện một lần này.",
            "Keep the key in a safe place: it is shown only this once.",
        )
    )


@app.command("list", help=tr("Liệt kê các doanh nghiệp.", "List the businesses."))
def list_(as_json: AsJson = False) -> None:
    with running_database() as (settings, _):
        tenants = with_worker_database(settings, all_tenants)
    if as_json:
        print_json(
            [
                {
                    "tenant_id": tenant.id,
                    "name": tenant.name,
                    "state": tenant.state,
                    "created_at": tenant.created_at,
                }
                for tenant in tenants
            ]
        )
        return
    print_table(
        ("tenant_id", tr("tên", "name"), tr("trạng thái", "state"), tr("mở lúc", "opened")),
        (
            (tenant.id, tenant.name, tenant.state, tenant.created_at.isoformat(" ", "seconds"))
            for tenant in tenants
        ),
    )


@app.command(help=tr("Xem một doanh nghiệp.", "Show a business."))
def show(tenant_id: TenantArgument, as_json: AsJson = False) -> None:
    _print(_on_tenant(tenant_id, lambda service: service.get(tenant_id)), as_json=as_json)


@app.command(help=tr("Sửa thông tin một doanh nghiệp.", "Change a business."))
def update(  # noqa: PLR0917 - options have names
    tenant_id: TenantArgument,
    name: Annotated[str | None, typer.Option(help=tr("Tên.", "Its name."))] = None,
    locale: Annotated[str | None, typer.Option(help="vi-VN, en, …")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Asia/Ho_Chi_Minh, …")] = None,
    settings: Annotated[
        str | None,
        typer.Option(help=tr("Bản vá JSON của phần cài đặt.", "A JSON merge patch of settings.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    given = {"name": name, "locale": locale, "time_zone": time_zone}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if settings is not None:
        changes["settings"] = _json_object(settings)
    _print(
        _on_tenant(tenant_id, lambda service: service.patch(tenant_id, ANY_VERSION, **changes)),
        as_json=as_json,
    )


@app.command(help=tr("Tạm ngưng một doanh nghiệp.", "Suspend a business: its keys are refused."))
def suspend(tenant_id: TenantArgument, as_json: AsJson = False) -> None:
    _print(_on_tenant(tenant_id, lambda service: service.suspend(tenant_id)), as_json=as_json)


@app.command(help=tr("Cho doanh nghiệp hoạt động lại.", "Resume a business."))
def resume(tenant_id: TenantArgument, as_json: AsJson = False) -> None:
    _print(_on_tenant(tenant_id, lambda service: service.resume(tenant_id)), as_json=as_json)


@app.command(
    help=tr(
        "Xóa tên của một người khỏi nhật ký thao tác; các thao tác vẫn còn.",
        "Erase what the audit log calls somebody; what they did stays.",
    )
)
def forget(
    tenant_id: TenantArgument,
    actor: Annotated[str, typer.Argument(help=tr("Giá trị Sokho-Actor.", "As in Sokho-Actor."))],
) -> None:
    async def erase(database: Database) -> bool:
        async with database.transaction(tenant_id) as transaction:
            return await erase_actor(transaction, actor)

    with running_database() as (settings, _):
        if not with_database(settings, erase):
            raise ActorNotFoundError
    typer.echo(tr("Đã xóa.", "Erased."))


async def all_tenants(worker: Database) -> list[TenantSummary]:
    """Return every business, by the role that may see which there are."""
    directory = WorkerTenantDirectory(worker)
    tenants: list[TenantSummary] = []
    while page := await directory.list(MAX_LIMIT, after=(tenants[-1].id,) if tenants else None):
        tenants += page
    return tenants


def _on_tenant(tenant_id: UUID, work: Callable[[TenantService], Awaitable[Tenant]]) -> Tenant:
    async def run(database: Database) -> Tenant:
        async with database.transaction(tenant_id) as transaction:
            return await work(TenantService(PostgresTenantRepo(transaction), transaction))

    with running_database() as (settings, _):
        return with_database(settings, run)


def _print(tenant: Tenant, *, as_json: bool) -> None:
    shown = {
        "tenant_id": tenant.id,
        "name": tenant.name,
        "state": tenant.state,
        "locale": tenant.locale,
        "time_zone": tenant.time_zone,
        "settings": tenant.settings,
        "version": tenant.version,
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
    }
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        typer.echo(f"{name:<11}{value}")


def _json_object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise typer.BadParameter(tr("cần một đối tượng JSON", "a JSON object is needed"))
    return content
