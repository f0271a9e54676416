"""Traces for an OpenTelemetry collector, where the environment names one.

The variables are OpenTelemetry's own. Nothing of its SDK is imported before a `Tracing` is made.
"""

import os
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Final

from sokho import __version__
from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

_ONLY_PROTOCOL: Final = "http/protobuf"

_PACKAGES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")

_FLUSH_SECONDS: Final = 3.0

_NOT_INSTALLED: Final = Text(
    vi="Đã đặt nơi nhận vết OpenTelemetry nhưng thiếu gói gửi vết: pip install 'sokho[telemetry]'.",
    en="An OpenTelemetry endpoint is set, but the packages that send traces are missing: "
    "pip install 'sokho[telemetry]'.",
)

_OTHER_PROTOCOL: Final = Text(
    vi="{variable} chỉ có thể là " + _ONLY_PROTOCOL + ".",
    en="{variable} can only be " + _ONLY_PROTOCOL + ".",
)


def is_tracing_wanted() -> bool:
    """Whether an endpoint for traces is set.

    Raises `OperatorError` where one is set that nothing here can speak to.
    """
    if os.environ.get("OTEL_TRACES_EXPORTER") == "none" or not any(map(os.environ.get, _ENDPOINTS)):
        return False
    for variable in _PROTOCOLS:
        if os.environ.get(variable, _ONLY_PROTOCOL) != _ONLY_PROTOCOL:
            raise OperatorError(_OTHER_PROTOCOL.format(variable=variable))
    if not all(map(_is_installed, _PACKAGES)):
        raise OperatorError(_NOT_INSTALLED)
    return True


class Tracing:
    """Sends spans in batches from a thread of its own: nobody waits for a collector."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = {"service.name": "sokho", "service.version": __version__}
        named_by_operator = OTELResourceDetector().detect().attributes
        self._provider = TracerProvider(
            resource=Resource.create({**named, **named_by_operator}),
            shutdown_on_exit=False,  # which would wait half a minute for a collector that is away
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer: Tracer = self._provider.get_tracer("sokho", __version__)

    def close(self) -> None:
        """Send what is left, as far as that goes within a few seconds."""
        sending = Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(_FLUSH_SECONDS)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it would be a part of
        return False
