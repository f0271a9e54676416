"""What the README says is run as it stands there, and is complete."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from sokho.cli import app
from sokho.core.infrastructure.settings import Settings
from tests.integration.test_serving import Service

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text()
VIETNAMESE = (ROOT / "README.vi.md").read_text()


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> set[str]:
    """The commands of the README's table, without their arguments."""
    rows = re.findall(r"^\| (`sokho .*?) \|", text, flags=re.MULTILINE)
    names = set()
    for row in rows:
        first, *others = re.findall(r"`([a-z -]+)", row)
        words = re.match(r"sokho [a-z-]+(?: (?:create|list|revoke|start|isolation))?", first)
        assert words, row
        names.add(words[0].strip())
        names |= {f"{words[0].rpartition(' ')[0]} {other.split()[0]}" for other in others}
    return names


def leaves(command: object, name: str) -> Iterator[str]:
    """Yield each command below a group, by its whole name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name
    else:
        for word, child in below.items():
            yield from leaves(child, f"{name} {word}")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The service, started by the README's own command."""
    with tempfile.TemporaryDirectory(prefix="sokho-readme-") as name:
        Path(name).chmod(0o711)
        run = ("make", "--no-print-directory", "-C", str(ROOT), "run")
        with Service(Path(name), command=run) as service:
            yield service


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's calls are curl's")
class TestFirstCalls:
    @pytest.mark.parametrize(("text", "key"), [(ENGLISH, 0), (VIETNAMESE, 1)], ids=["en", "vi"])
    def test_do_what_is_said(self, service: Service, text: str, key: int):
        calls = blocks(text, "sh")
        assert len(calls) == 4
        script = "\necho; echo ----\n".join(calls)
        answer = subprocess.run(
            ["bash", "-euc", script],
            env={"SOKHO_URL": str(service.http.base_url), "KEY": service.keys[key]},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        listed, created, read, refused = answer.stdout.split("----\n")
        assert listed.startswith("HTTP/1.1 200")
        assert 'rel="next"' in listed
        assert created.startswith("HTTP/1.1 201")
        assert "KEO-500" in created
        assert "KEO-500" in read
        assert "duplicate_sku" in refused

    def test_two_commands_are_enough(self):
        for text in (ENGLISH, VIETNAMESE):
            assert "$ make run\n$ make test\n" in blocks(text, "console")[0]


class TestReadme:
    def test_both_languages_show_the_same_commands(self):
        for kind in ("sh", "console"):
            assert len(blocks(ENGLISH, kind)) == len(blocks(VIETNAMESE, kind)) > 0
        assert commands(ENGLISH) == commands(VIETNAMESE)
        headings = [re.findall(r"^#+ ", text, re.MULTILINE) for text in (ENGLISH, VIETNAMESE)]
        assert headings[0] == headings[1]

    @pytest.mark.parametrize("text", [ENGLISH, VIETNAMESE], ids=["en", "vi"])
    def test_every_setting_stands_in_the_table(self, text: str):
        told = set(re.findall(r"^\| `SOKHO_([A-Z_]+)`", text, flags=re.MULTILINE))
        assert told == {name.upper() for name in Settings.model_fields}

    def test_the_table_has_every_command_and_no_other(self):
        assert commands(ENGLISH) == set(leaves(typer.main.get_command(app), "sokho"))

    @pytest.mark.parametrize("path", ["README.md", "README.vi.md", "CONTRIBUTING.md", "docs"])
    def test_links_lead_somewhere(self, path: str):
        root = ROOT / path
        for file in [root] if root.is_file() else root.rglob("*.md"):
            for link in re.findall(r"\]\((?!http)([^)#]+)", file.read_text()):
                assert (file.parent / link).exists(), (file, link)

    def test_every_decision_is_listed_and_says_what_keeps_it(self):
        folder = ROOT / "docs/decisions"
        index = (folder / "README.md").read_text()
        pages = sorted(folder.glob("[0-9]*.md"))
        assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
        for page in pages:
            assert page.name in index, page
            assert "## Kept by" in page.read_text(), page
            for named in re.findall(r"`((?:tests|src)/[^`:]+)", page.read_text()):
                assert (ROOT / named).exists(), (page.name, named)
