"""Calls that have to wait for another transaction."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def waiting(call: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Start a call that has to wait for another; fail where it does not."""
    task = asyncio.create_task(call)
    done, _ = await asyncio.wait({task}, timeout=0.15)
    assert not done, "it did not wait"
    return task
