"""``sokho serve`` and ``sokho migrate``."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

from sokho.cli.demo import open_demo, print_demo
from sokho.cli.language import tr
from sokho.cli.metrics import metrics_served
from sokho.cli.runtime import running_database, with_database, with_worker_database
from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.connection_budget import (
    WORKER_POOL_SIZE,
    refuse_unless_connections_suffice,
)
from sokho.core.infrastructure.database.migrate import migrate
from sokho.core.infrastructure.database.readiness import refuse_unless_sealed
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres
from sokho.core.infrastructure.logging import configure_logging, logger
from sokho.core.infrastructure.settings import Settings, export
from sokho.core.infrastructure.tracing import is_tracing_wanted

_CHECK_DATABASE_SECONDS = 1.0
_BACKLOG = 2048

_NOT_OPENED = Text(
    vi="Không mở được {host}:{port}: {reason}. Hãy chọn địa chỉ khác bằng SOKHO_HOST, SOKHO_PORT.",
    en="{host}:{port} cannot be opened: {reason}. Choose another by SOKHO_HOST, SOKHO_PORT.",
)


def add_to(app: typer.Typer) -> None:
    """Add ``sokho serve`` and ``sokho migrate``."""
    app.command(help=tr("Chạy dịch vụ.", "Run the service."))(serve)
    app.command("migrate", help=tr("Nâng cấp cơ sở dữ liệu.", "Migrate the database."))(migrate_)


def serve(
    host: Annotated[str | None, typer.Option(help="SOKHO_HOST")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="SOKHO_PORT")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="SOKHO_WORKERS")] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help=tr("Kèm hai doanh nghiệp mẫu.", "With two demo businesses.")),
    ] = False,
) -> None:
    chosen = {"host": host, "port": port, "workers": workers}
    export(**{name: str(value) for name, value in chosen.items() if value is not None})
    settings = Settings.load()
    is_tracing_wanted()  # told now, once, not by each worker
    if demo and "requests_per_minute" not in settings.model_fields_set:
        export(requests_per_minute="0")  # whoever plays with it is not to be counted
    # uvicorn drains and then raises the signal anew: what was started must still be stopped.
    for ending in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(ending, lambda *_: sys.exit(0))
    with (
        _listening(settings.host, settings.port) as listener,
        metrics_served(settings) as metrics_url,
        running_database() as (settings, postgres),
    ):
        settings.derived_keys()  # made now, once, not by each worker
        with_database(settings, refuse_unless_sealed)
        _refuse_unless_connections_suffice(settings)
        tenants = open_demo(settings) if demo else []
        _, port = listener.getsockname()[:2]
        url = f"http://{_shown(settings.host)}:{port}"
        typer.echo("Sokho  " + url)
        if settings.docs:
            typer.echo(f"       {url}/docs")
        if metrics_url:
            typer.echo(f"       {metrics_url}")
        if tenants:
            print_demo(url, tenants)
        typer.echo("\n" + tr("Nhấn Ctrl-C để dừng.", "Press Ctrl-C to stop."))
        configure_logging(settings.log_level)
        os.environ.pop("SOKHO_ADMIN_DATABASE_URL", None)  # no worker has a use for it
        with _supervised(postgres):
            _serve(settings, listener)


def migrate_() -> None:
    with running_database(migrated=False) as (settings, _):
        migrate(
            admin_dsn=settings.url("admin_database_url"),
            app_dsn=settings.url("database_url"),
            worker_dsn=settings.url("worker_database_url")
            if settings.worker_database_url
            else None,
        )
    typer.echo(tr("Cơ sở dữ liệu đã ở phiên bản mới nhất.", "The database is up to date."))


def _refuse_unless_connections_suffice(settings: Settings) -> None:
    """Ask as each role: its own limit counts too."""
    of_worker = WORKER_POOL_SIZE if settings.worker_database_url else 0
    check = partial(
        refuse_unless_connections_suffice,
        workers=settings.workers,
        pools=settings.pool_size + of_worker,
        reserve=settings.connection_reserve,
    )
    with_database(settings, partial(check, of_role=settings.pool_size))
    if of_worker:
        with_worker_database(settings, partial(check, of_role=of_worker))


def _serve(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from sokho.core.infrastructure.http import server

    config = uvicorn.Config(
        "sokho.app:create_app",
        factory=True,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",  # whatever else is installed
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )
    with contextlib.suppress(KeyboardInterrupt):  # how uvicorn hands on a Ctrl-C
        server.serve(config, listener, drain_seconds=settings.drain_seconds)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield the listening socket: whoever finds the port taken learns it before anything starts."""
    with contextlib.ExitStack() as opened:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = opened.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)  # a port that is only bound, another process may bind too
            listener.set_inheritable(True)
        except OSError as error:
            raise OperatorError(
                _NOT_OPENED.format(host=host, port=port, reason=error.strerror)
            ) from error
        yield listener


@contextmanager
def _supervised(postgres: EmbeddedPostgres | None) -> Iterator[None]:
    """Restart the embedded server whenever it dies under the service."""
    if postgres is None:
        yield
        return
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.wait(_CHECK_DATABASE_SECONDS):
            try:
                if postgres.ensure_running():
                    logger.warning("the embedded database had died and was restarted")
            except OperatorError as error:
                logger.error("the embedded database cannot be restarted", reason=error.text.en)

    watcher = threading.Thread(target=watch, name="embedded-postgres", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        watcher.join()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
