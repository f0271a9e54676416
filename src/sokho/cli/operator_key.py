"""``sokho operator-key``: the credential of whoever runs the service."""

import secrets

import typer

from sokho.cli.language import tr
from sokho.cli.output import print_json
from sokho.cli.runtime import data_dir
from sokho.cli.tenants import AsJson
from sokho.core.infrastructure.settings import Settings
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.domain.tokens import SECRET_BYTES, make_operator_key

app = typer.Typer(
    name="operator-key",
    no_args_is_help=True,
    help=tr("Khóa của người vận hành.", "The operator's key."),
)


@app.callback()
def _group() -> None:
    """Keep `create` a command of its own."""


@app.command(help=tr("Tạo khóa; máy chủ chỉ cần lưu mã băm.", "Make a key; set its hash."))
def create(as_json: AsJson = False) -> None:
    settings = Settings.load()
    keys = settings.derived_keys()
    token = make_operator_key(secrets.token_bytes(SECRET_BYTES))
    hashed = Pepper(keys.pepper_id, keys.pepper).hash(token).hex()
    if as_json:
        print_json({"operator_key": token, "hash": hashed})
        return
    typer.echo(token)
    typer.echo(f"SOKHO_OPERATOR_KEY_HASH={hashed}")
    secret = "SOKHO_SECRET" if settings.secret else str(data_dir(settings) / "secret")
    typer.echo(
        tr(
            f"Mã băm chỉ đúng với dịch vụ dùng chính bí mật này: {secret}",
            f"The hash is right only for a service with this secret: {secret}",
        ),
        err=True,
    )
