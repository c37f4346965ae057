"""Every shell command in the documentation runs, in its own folder, against the emulator.

Rules. A line is one of the commands in RUNNERS; another kind of line needs a row there first. What
installs something is compared with pyproject.toml; the sessions install it for real.
"""

from __future__ import annotations

import gzip
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hellotext_async import DeadLetters, Hellotext
from hellotext_async.emulator import Emulator, Fault
from tests.docs.pages import PAGES, ROOT, Block, blocks

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SESSIONS: Final = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
SERVING: Final = {"emulator", "worker"}
"""Commands that run until a signal."""

EVENTS: Final = b'{"action": "page.viewed", "session": "s1"}\n' * 3
Environment = dict[str, str]


@pytest.fixture
async def folder(tmp_path: Path, emulator: Emulator) -> Path:
    """Where the lines of a block run: with the files that they name."""
    (tmp_path / "events.jsonl").write_bytes(EVENTS)
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(b"Order No,Customer\nA-1,MzYwlE50\n"))
    (tmp_path / "customers.csv").write_text("first_name,E-mail,Notes\nAna,ana@acme.com,x\n")
    emulator.faults.add(Fault("status", status=422))
    client = Hellotext(emulator.token, base_url=emulator.url)
    async with client, client.event_queue(dead_letters=tmp_path / "dead.jsonl") as queue:
        await queue.track("page.viewed", session="s1")
    assert len(list(DeadLetters(tmp_path / "dead.jsonl"))) == 1
    return tmp_path


def _export(words: list[str], folder: Path, names: Environment) -> None:
    """Set this package's variables; the URL is already that of the running emulator."""
    for name, _, value in (word.partition("=") for word in words[1:]):
        assert name.startswith("HELLOTEXT_") and value
        names.setdefault(name, value)


def _python(words: list[str], folder: Path, names: Environment) -> None:
    """`python -m pip install X`, where X is nox or this package with extras that it has."""
    assert words[1:4] == ["-m", "pip", "install"] and len(words) == 5
    name, _, extras = words[4].rstrip("]").partition("[")
    assert name == "nox" or name == PROJECT["name"]
    assert set(filter(None, extras.split(","))) <= set(PROJECT["optional-dependencies"])


def _nox(words: list[str], folder: Path, names: Environment) -> None:
    """`nox`, or `nox -s SESSION …` where every session is in the noxfile."""
    sessions = words[2 : words.index("--")] if "--" in words else words[2:]
    assert words[1:2] in ([], ["-s"]) and {session.partition("-")[0] for session in sessions} <= SESSIONS


def _ours(words: list[str], folder: Path, names: Environment) -> None:
    """A command of this package, which exits with 0; one that serves reports that, and exits with 0 at SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "hellotext_async", *words[1:]],
        cwd=folder,
        env=names,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    if words[1] in SERVING:
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(EVENTS, timeout=60)
    assert process.returncode == 0, output.decode()


RUNNERS: Final[dict[str, Callable[[list[str], Path, Environment], Any]]] = {
    "export": _export,
    "python": _python,
    "nox": _nox,
    "hellotext-async": _ours,
}


def lines(block: Block) -> Iterator[list[str]]:
    """The commands of a block, split into words: its lines, split at `&&`, without comments."""
    for line in block.text.replace("\\\n", " ").splitlines():
        for command in line.split("&&"):
            if words := shlex.split(command, comments=True):
                yield words


SHELL: Final = [block for page in PAGES for block in blocks(page, "sh")]


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_the_lines_of_a_block_run(block: Block, folder: Path, emulator: Emulator, redis_url: str) -> None:
    """One after the other, with the environment that earlier ones have set."""
    names: Environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HELLOTEXT_API_URL": emulator.url,
        "HELLOTEXT_API_TOKEN": emulator.token,
        "HELLOTEXT_REDIS_URL": redis_url,
    }
    for words in lines(block):
        RUNNERS[words[0]](words, folder, names)
