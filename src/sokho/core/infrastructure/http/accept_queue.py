"""A listening socket that lets nobody new in, while those who are in its queue are served."""

import contextlib
import ctypes
import socket
import struct
import sys
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h
_SO_GET_FILTER: Final = _SO_ATTACH_FILTER

# A classic BPF program (linux/filter.h) over the TCP header: a SYN is dropped, all else passes.
_DROP_SYN: Final = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the byte of flags (RFC 9293, section 3.1)
        (0x45, 0, 1, 0x02),  # with SYN go on, else skip one
        (0x06, 0, 0, 0),  # drop
        (0x06, 0, 0, 0xFFFFFFFF),  # pass
    )
)


def refuse_newcomers(listener: socket.socket) -> None:
    """Let no new connection begin, in any process that shares the socket; those begun go on.

    Closing a listening socket resets the connections in its queue, and there is always one
    more that came since the last was accepted. A client whose SYN is dropped tries again in a
    second, and finds the port closed, or the next server. Where the system cannot do this,
    that short moment remains.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(_DROP_SYN)
    pointer = struct.pack("HL", len(_DROP_SYN) // 8, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def refuses_newcomers(listener: socket.socket) -> bool:
    """Tell whether `refuse_newcomers` was called, in any process; true where it cannot be told."""
    if sys.platform != "linux":
        return True
    try:
        # The system copies the whole program into the buffer: it must have room for it.
        return bool(listener.getsockopt(socket.SOL_SOCKET, _SO_GET_FILTER, len(_DROP_SYN)))
    except OSError:
        return True
