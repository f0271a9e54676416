"""The address at which Prometheus asks: one for all workers, served by their parent process."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.settings import Settings

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_NOT_OPENED: Final = Text(
    vi="Không mở được {host}:{port} cho số đo: {reason}. "
    "Hãy chọn địa chỉ khác bằng SOKHO_METRICS_HOST, SOKHO_METRICS_PORT.",
    en="{host}:{port} cannot be opened for metrics: {reason}. "
    "Choose another by SOKHO_METRICS_HOST, SOKHO_METRICS_PORT.",
)


@contextmanager
def metrics_served(settings: Settings) -> Iterator[str | None]:
    """Answer Prometheus with what all workers have counted; yield the URL, or None where it is off.

    Raises `OperatorError` when the address cannot be had.
    """
    if settings.metrics_port is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="sokho-metrics-") as folder:
        # The workers inherit it; the library reads it when it is imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from prometheus_client import CollectorRegistry, start_http_server

        registry = CollectorRegistry()
        registry.register(_AllWorkers(Path(folder)))
        host, port = settings.metrics_host, settings.metrics_port
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            reason = error.strerror
            raise OperatorError(_NOT_OPENED.format(host=host, port=port, reason=reason)) from error
        shown = f"[{host}]" if ":" in host else host
        try:
            yield f"http://{shown}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _AllWorkers:
    """Adds up the files of all workers, also of those that have ended: what they counted stays."""

    def __init__(self, folder: Path) -> None:
        from prometheus_client.multiprocess import MultiProcessCollector

        self._folder = folder
        self._one_at_a_time = Lock()  # the server answers each scrape in a thread
        self._files = MultiProcessCollector(None, str(folder))

    def collect(self) -> Iterable["Metric"]:
        """Return the figures; states (``gauge_live…``) of those that still run alone."""
        from prometheus_client.multiprocess import mark_process_dead

        with self._one_at_a_time:
            return self._collect(mark_process_dead)

    def _collect(self, mark_process_dead: Callable[[int, str], None]) -> Iterable["Metric"]:
        for file in self._folder.glob("gauge_live*_*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not _runs(pid):
                mark_process_dead(pid, str(self._folder))
        figures: list[Metric] = list(self._files.collect())
        return figures


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
