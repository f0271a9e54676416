"""Looks whether anything notices a mutant: the checks, of the schema; the tests, of the code."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Final

import asyncpg

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.isolation import Target, check_isolation
from sokho.core.infrastructure.database.policies import APP_ROLE
from sokho.core.infrastructure.database.seal import find_leaks
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.isolation.mutants import CodeMutant, SchemaMutant
from tests.isolation.mutation import MUTANT, NotAppliedError

ROOT: Final = Path(__file__).parents[2]

_FAILED: Final = 1
"""How pytest ends where tests failed: not where it found none, or could not begin."""

_TIMEOUT_SECONDS: Final = 180.0


async def findings(urls: DatabaseUrls) -> set[str]:
    """Return what the check of any database and the one before each start find in ours."""
    report = await check_isolation(urls.admin, Target(APP_ROLE, probe_writes=True))
    database = Database(urls.app, pool_size=1)
    try:
        async with database.unbound() as connection:
            leaks = await find_leaks(connection)
    finally:
        await database.close()
    return {each.code for each in report.findings} | {each.code for each in leaks}


async def kills_schema(mutant: SchemaMutant, urls: DatabaseUrls) -> bool:
    """Return whether the checks find the mutant in the database of `urls`, which it changes."""
    connection = await asyncpg.connect(urls.admin)
    try:
        await connection.execute(mutant.sql)
        try:
            return bool(await findings(urls))
        finally:
            if mutant.undo:
                await connection.execute(mutant.undo)
    finally:
        await connection.close()


async def kills_code(mutant: CodeMutant) -> bool:
    """Return whether the mutant's tests fail; raises `NotAppliedError`."""
    return await fails(mutant.tests, mutant)


async def fails(tests: str, mutant: CodeMutant | None = None) -> bool:
    """Return whether these tests fail, in a process of their own; raises `NotAppliedError`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SOKHO_", "PYTEST_"))
    }
    if mutant is not None:
        kept[MUTANT] = json.dumps([mutant.file, mutant.old, mutant.new])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "tests.isolation.mutation", "-n", "0", "-x"),
        # What a failed test leaves open must not end pytest before it has told.
        *("-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning"),
        *("-q", "--no-header", "-p", "no:cacheprovider", *tests.split()),
        cwd=ROOT,
        env=kept,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _TIMEOUT_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotAppliedError(f"{tests} did not end") from None
    if process.returncode != 0 and b" failed" not in output:
        raise NotAppliedError(output.decode(errors="replace")[-2_000:])
    return process.returncode == _FAILED
