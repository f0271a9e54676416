"""How the service is served: in one process or several, by uvicorn with our protocol."""

import socket
from math import ceil
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.http.admission import REQUEST_SECONDS
from sokho.core.infrastructure.http.draining import DrainingServer
from sokho.core.infrastructure.http.protocol import ProblemProtocol
from sokho.core.infrastructure.http.workers import Workers

GRACE_SECONDS: Final = ceil(REQUEST_SECONDS) + 5
"""How long a stop waits for what is in progress: longer than any request may take."""

_NOT_STARTED: Final = Text(
    vi="Dịch vụ không khởi động được; nhật ký ở trên cho biết lý do.",
    en="The service could not start; the log above says why.",
)


def serve(config: uvicorn.Config, listener: socket.socket, *, drain_seconds: float) -> None:
    """Serve on `listener` until a signal comes, with as many workers as the configuration has.

    Raises `OperatorError` when it cannot start, and `KeyboardInterrupt` after a Ctrl-C where
    there is one worker, which is this process.
    """
    config.http = ProblemProtocol
    config.ws = "none"  # a library that happens to be there cannot have our transport
    config.timeout_graceful_shutdown = GRACE_SECONDS
    if config.workers > 1:
        workers = Workers(config, [listener], drain_seconds=drain_seconds)
        workers.run()
        if workers.has_given_up:
            raise OperatorError(_NOT_STARTED)
        return
    try:
        DrainingServer(config, drain_seconds=drain_seconds).run(sockets=[listener])
    except SystemExit as ending:
        if ending.code == STARTUP_FAILURE:
            raise OperatorError(_NOT_STARTED) from None
        raise
