"""``sokho tenant``: opening and listing businesses."""

from typing import Annotated

import typer

from sokho.cli.language import tr
from sokho.cli.output import print_json, print_table
from sokho.cli.runtime import running_database, with_database, with_worker_database
from sokho.modules.tenants.infrastructure.postgres_repo import list_all_tenants
from sokho.provisioning import open_business

app = typer.Typer(
    name="tenant", no_args_is_help=True, help=tr("Quản lý doanh nghiệp.", "Manage businesses.")
)

AsJson = Annotated[bool, typer.Option("--json", help=tr("In ra JSON.", "Print JSON."))]


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
        tenants = with_worker_database(settings, list_all_tenants)
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
