"""``sokho check``: whether a database is what it has to be."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

import typer

from sokho.cli import isolation
from sokho.cli.language import language, tr
from sokho.cli.output import fail, print_json, print_table
from sokho.cli.runtime import running_database, with_database, with_worker_database
from sokho.cli.tenants import AsJson, all_tenants
from sokho.core.domain.errors import NotFoundError, OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.settings import Settings
from sokho.modules.stock.domain.verification import Verification, verify
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.verification import PostgresLedgerCheck
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo

app = typer.Typer(
    name="check", no_args_is_help=True, help=tr("Kiểm tra hệ thống.", "Check the system.")
)
isolation.add_to(app)


MOST_FINDINGS: Final = 1_000
"""Of one business: a ledger that is all wrong is told without filling the memory."""

_CUT: Final = Text(
    vi="Doanh nghiệp {tenant_id} còn phát hiện khác, không liệt kê ở đây.",
    en="The business {tenant_id} has more findings, which are not listed.",
)
_PROVEN: Final = Text(
    vi="Sổ kho đúng và còn nguyên vẹn: {tenants} doanh nghiệp, {moves} biến động.",
    en="The ledger is right and untouched: businesses: {tenants}, moves: {moves}.",
)


@app.command(
    help=tr("Sổ kho có đúng và còn nguyên vẹn không?", "Is the stock ledger right and untouched?")
)
def ledger(
    tenant: Annotated[
        UUID | None, typer.Option(help=tr("Chỉ doanh nghiệp này.", "Only this business."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Exit with 0 when all is proven, 1 with findings, 2 when the check could not run."""
    try:
        with running_database() as (settings, _):
            verified = _verify(settings, tenant)
    except (OperatorError, NotFoundError) as error:
        fail(error.text, exit_code=2)
    if as_json:
        print_json([_told(*each) for each in verified.items()])
    else:
        _print(verified)
    raise typer.Exit(1 if any(each.findings for each in verified.values()) else 0)


def _verify(settings: Settings, tenant: UUID | None) -> Mapping[UUID, Verification]:
    """Look through the ledger of each business in turn, or of the one."""
    keys = settings.derived_keys()
    seal = Seal(keys.ledger_id, keys.ledger)
    tenants = (
        [each.id for each in with_worker_database(settings, all_tenants)]
        if tenant is None
        else [tenant]
    )

    async def verified(database: Database) -> Mapping[UUID, Verification]:
        found = {}
        for tenant_id in tenants:
            async with database.transaction(tenant_id, read_only=True) as transaction:
                if tenant is not None:  # of nobody there is nothing to be found
                    await TenantService(PostgresTenantRepo(transaction), transaction).get(tenant)
                check = PostgresLedgerCheck(transaction, seal)
                found[tenant_id] = await verify(check, most_findings=MOST_FINDINGS)
        return found

    return with_database(settings, verified)


def _told(tenant_id: UUID, verified: Verification) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "moves": verified.moves,
        "complete": verified.is_complete,
        "findings": [
            {
                "invariant": each.fault.invariant,
                "code": each.fault,
                "table": each.fault.table,
                "row": each.row,
            }
            for each in verified.findings
        ],
    }


def _print(verified: Mapping[UUID, Verification]) -> None:
    if rows := _rows(verified):
        print_table(
            (
                *("tenant_id", tr("bất biến", "invariant"), tr("bảng", "table")),
                *(tr("dòng", "row"), tr("vấn đề", "what is wrong")),
            ),
            rows,
        )
    for tenant_id, each in verified.items():
        if not each.is_complete:
            typer.echo(_CUT.format(tenant_id=tenant_id).in_language(language()))
    if not rows:
        moves = sum(each.moves for each in verified.values())
        typer.echo(_PROVEN.format(tenants=len(verified), moves=moves).in_language(language()))


def _rows(verified: Mapping[UUID, Verification]) -> Sequence[Sequence[object]]:
    return [
        (
            *(tenant_id, each.fault.invariant, each.fault.table, each.row),
            each.fault.text.in_language(language()),
        )
        for tenant_id, found in verified.items()
        for each in found.findings
    ]
