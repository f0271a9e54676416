"""A connection that is closed while its client still sends, without destroying the last answer."""

import asyncio
from typing import Final, Protocol

_LINGER_SECONDS: Final = 2.0


class Receiver(Protocol):
    """What a lingering transport asks of its connection's protocol."""

    @property
    def is_receiving(self) -> bool:
        """Whether the client has more to send of what it has begun."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone."""


class LingeringTransport:
    """What a server needs of a transport; closes in stages where its client is still sending.

    Closed with bytes unread, TCP resets the connection, and the answer may be lost on its
    way. So no more is sent, and what comes is thrown away until the client closes, or for two
    seconds (RFC 9112, section 9.6).
    """

    def __init__(self, transport: asyncio.Transport, receiver: Receiver) -> None:
        self._transport = transport
        self._receiver = receiver
        self._lingers = False
        self.write = transport.write
        self.abort = transport.abort
        self.get_write_buffer_size = transport.get_write_buffer_size

    def is_closing(self) -> bool:
        """Whether nothing more can be answered."""
        return self._lingers or self._transport.is_closing()

    def close(self) -> None:
        """Close, once what is written has been sent."""
        if self.is_closing():
            return
        if not self._receiver.is_receiving:
            self._transport.close()
            return
        self._lingers = True
        self._transport.set_protocol(_Discarding(self._receiver))
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.abort)


class _Discarding(asyncio.Protocol):
    """Throws away what comes; the transport closes itself at the client's end."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver.connection_lost(exc)
