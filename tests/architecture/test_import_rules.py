"""The import rules of pyproject.toml, each with a canary that must break it.

import-linter passes in silence when a contract names a package that does not exist; so each
contract is shown to fail on a deliberately broken copy of the code.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Contract: (a file of the broken copy, the line added to it).
CANARIES = {
    "layers": [
        ("core/domain/ids.py", "import sokho.modules.items.domain.entities"),
        ("modules/items/domain/service.py", "import sokho.provisioning"),
        ("provisioning.py", "import sokho.app"),
        ("helpers.py", "import sokho"),
    ],
    "rooms": [
        ("modules/items/domain/entities.py", "import sokho.modules.items.application.dto"),
        ("modules/items/application/dto.py", "import sokho.modules.items.infrastructure.tables"),
        ("modules/items/utils/__init__.py", ""),
    ],
    "core-rooms": [
        ("core/domain/errors.py", "import sokho.core.application.dto"),
        ("core/infrastructure/logging.py", "import sokho.core.dependencies"),
        ("core/common.py", ""),
    ],
    "independence": [
        ("modules/items/domain/service.py", "import sokho.modules.tenants.domain.entities"),
    ],
    "pure-domain": [
        (f"modules/{module}/domain/canary.py", f"import {library}")
        for module, library in (
            ("items", "sqlalchemy"),
            ("items", "pydantic"),
            ("tenants", "asyncpg"),
            ("api_keys", "fastapi"),
            ("api_keys", "starlette"),
            ("items", "alembic"),
        )
    ]
    + [("core/domain/canary.py", "import sqlalchemy")],
    "pure-application": [
        ("modules/items/application/canary.py", f"import {library}")
        for library in ("sqlalchemy", "asyncpg", "fastapi", "starlette", "alembic")
    ],
}


def lint(root: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--cache-dir", str(cache)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", root)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", root / "src", ignore=ignore)
    return root


def broken_contracts(output: str) -> set[str]:
    return {line.removesuffix(" BROKEN") for line in output.splitlines() if "BROKEN" in line}


def test_the_code_keeps_every_contract(tmp_path: Path):
    answer = lint(ROOT, tmp_path)
    assert answer.returncode == 0, answer.stdout
    assert f"{len(CANARIES)} kept, 0 broken" in answer.stdout


@pytest.mark.parametrize("contract", CANARIES)
def test_each_contract_notices_its_canaries(copy: Path, contract: str):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    name = next(each["name"] for each in contracts["contracts"] if each["id"] == contract)
    for file, line in CANARIES[contract]:
        path = copy / "src/sokho" / file
        original = path.read_text() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        path.write_text((original or "") + line + "\n")
        try:
            answer = lint(copy, copy / "cache")
        finally:
            if original is None:
                path.unlink()
                if path.name == "__init__.py":
                    path.parent.rmdir()
            else:
                path.write_text(original)
        assert name in broken_contracts(answer.stdout), (file, line, answer.stdout[-2000:])
    assert lint(copy, copy / "cache").returncode == 0


def test_every_module_is_under_the_contract_of_its_rooms():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    rooms = next(each for each in contracts["contracts"] if each["id"] == "rooms")
    modules = {
        f"sokho.modules.{path.parent.name}"
        for path in (ROOT / "src/sokho/modules").glob("*/__init__.py")
    }
    assert set(rooms["containers"]) == modules
