"""``sokho database``: the embedded PostgreSQL by itself; ``sokho migrate`` for any."""

import typer

from sokho.cli.language import tr
from sokho.cli.output import print_json
from sokho.cli.runtime import data_dir, refuse_if_set
from sokho.cli.tenants import AsJson
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres
from sokho.core.infrastructure.settings import Settings

app = typer.Typer(
    name="database",
    no_args_is_help=True,
    help=tr("Cơ sở dữ liệu nhúng.", "The embedded database."),
)


@app.command(help=tr("Khởi động và để chạy nền.", "Start it and leave it running."))
def start(as_json: AsJson = False) -> None:
    urls = _postgres().start(keep_running=True)
    if as_json:
        print_json(urls._asdict())
        return
    typer.echo(tr("Cơ sở dữ liệu đang chạy.", "The database is running."))
    typer.echo(f"SOKHO_DATABASE_URL={urls.app}")
    typer.echo(f"SOKHO_WORKER_DATABASE_URL={urls.worker}")
    typer.echo(f"SOKHO_ADMIN_DATABASE_URL={urls.admin}")


@app.command(help=tr("Dừng cơ sở dữ liệu.", "Stop it."))
def stop() -> None:
    _postgres().shutdown()
    typer.echo(tr("Cơ sở dữ liệu đã dừng.", "The database is stopped."))


@app.command(help=tr("Cho biết trạng thái.", "Tell its state."))
def status(as_json: AsJson = False) -> None:
    state = _postgres().status()
    if as_json:
        print_json(
            {
                "running": state.is_running,
                "pid": state.pid,
                "version": state.version,
                "data_dir": str(state.data_dir),
            }
        )
        return
    running = tr("đang chạy", "running") if state.is_running else tr("không chạy", "not running")
    typer.echo(f"PostgreSQL {state.version or ''}: {running}")
    typer.echo(f"  {state.data_dir}" + (f"  (pid {state.pid})" if state.pid else ""))


def _postgres() -> EmbeddedPostgres:
    settings = Settings.load()
    refuse_if_set(settings)
    return EmbeddedPostgres(data_dir(settings))
