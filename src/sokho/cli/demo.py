"""``sokho demo``: two businesses to play with."""

import typer

from sokho.cli.language import tr
from sokho.cli.output import print_json
from sokho.cli.runtime import data_dir, running_database, with_database
from sokho.cli.tenants import AsJson
from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.settings import Settings
from sokho.demo.seeding import DemoTenant, ensure_demo
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.infrastructure.authenticator import ApiKeyAuthenticator
from sokho.modules.api_keys.infrastructure.last_uses import LastUses

_NO_FOLDER = Text(
    vi="Không tạo được thư mục {folder}: {reason}. Hãy chọn thư mục khác bằng SOKHO_DATA_DIR.",
    en="The folder {folder} cannot be made: {reason}. Choose another by SOKHO_DATA_DIR.",
)


def add_to(app: typer.Typer) -> None:
    """Add ``sokho demo``."""
    app.command(help=tr("Mở hai doanh nghiệp mẫu.", "Open two demo businesses."))(demo)


def demo(as_json: AsJson = False) -> None:
    with running_database() as (settings, _):
        tenants = open_demo(settings)
    url = f"http://{settings.host}:{settings.port}"
    if as_json:
        print_json({"url": url, "tenants": tenants})
        return
    print_demo(url, tenants)


def open_demo(settings: Settings) -> list[DemoTenant]:
    """Return the demo businesses, opened on first use."""
    folder = data_dir(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)  # where a database is set, nobody has made it
    except OSError as error:
        raise OperatorError(_NO_FOLDER.format(folder=folder, reason=error.strerror)) from error
    keys = settings.derived_keys()

    async def ensure(database: Database) -> list[DemoTenant]:
        pepper = Pepper(keys.pepper_id, keys.pepper)
        authenticator = ApiKeyAuthenticator(database, pepper, last_uses=LastUses(database))
        return await ensure_demo(database, keys, authenticator, folder)

    return with_database(settings, ensure)


def print_demo(url: str, tenants: list[DemoTenant]) -> None:
    """Print each business's key and a first call to paste."""
    for tenant in tenants:
        typer.echo(f"\n{tenant.name}")
        typer.echo(f"  tenant_id  {tenant.tenant_id}")
        typer.echo(f"  api_key    {tenant.api_key}")
    typer.echo("\n" + tr("Gọi thử:", "A first call:"))
    typer.echo(f"  curl -H 'Authorization: Bearer {tenants[0].api_key}' '{url}/v1/items?limit=3'")
