"""Which room may import which: imports only go down. Read from the source, so also inside functions and for types.

A new room is one line in ROOMS: its place, and its name in the rows of the rooms that may import it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import hellotext_async

PACKAGE: Final = "hellotext_async"
ROOT: Final = Path(hellotext_async.__file__).parent

_GROUND = frozenset(
    {"_details", "_diagnosis", "_log", "_own_file", "errors", "_clock", "_process", "_site", "_version", "_watchdog"}
)
_WIRE = _GROUND | {"config", "_wire"}
_PURE = _WIRE | {"_events", "_policy"}
_REPORTS = frozenset({"_attempts", "_callbacks", "_outages"})
_QUEUE = _PURE | {"limiter", "_attempts", "_callbacks"}
_HOOKS = _PURE | _REPORTS | {"limiter", "queue"}
_CLIENT = _HOOKS | {"hooks", "_reports", "transport", "engine", "_calls", "resources", "spool", "fleet", "_core"}
_USERS = _CLIENT | {"_families", "client", "root"}

ROOMS: Final[dict[str, frozenset[str]]] = {
    "_version": frozenset(),
    "_clock": frozenset(),
    "offsets": frozenset(),
    "_process": frozenset(),
    "_site": frozenset(),
    "_log": frozenset(),
    "_watchdog": frozenset(),
    "_details": frozenset(),
    "_diagnosis": frozenset(),
    "errors": frozenset({"_details"}),
    "_own_file": frozenset({"errors"}),
    "config": frozenset({"errors"}),
    "_wire": _GROUND | {"config"},
    "_events": _WIRE,
    "_policy": _WIRE,
    "transport": _PURE,
    "_rate_state": frozenset(),
    "_permit": frozenset(),
    "_waiters": frozenset(),
    "limiter": _PURE | {"transport", "_rate_state", "_permit", "_waiters"},
    "_callbacks": frozenset({"_log", "errors"}),
    "_attempts": _PURE | {"_callbacks"},
    "_outages": _PURE,
    "engine": _PURE | {"transport", "limiter", "_attempts", "_outages"},
    "_calls": _PURE | {"limiter", "engine"},
    "resources": _PURE,
    "queue": _QUEUE,
    "spool": _QUEUE | {"queue"},
    "fleet": _QUEUE | {"queue"},
    "hooks": _HOOKS,
    "_reports": _HOOKS | {"hooks"},
    "_core": _CLIENT - {"_core"},
    "_families": _CLIENT,
    "client": _CLIENT | {"_families"},
    "emulator": frozenset(),
    "root": _CLIENT | {"_families", "client"},
    "integrations": _USERS,
    "pytest_plugin": _USERS | {"emulator"},
    "cli": _USERS | {"emulator", "offsets"},
    "__main__": frozenset({"cli"}),
}
"""Each room and those that it may import, besides itself. `root` is the package's ``__init__``."""

LIBRARIES: Final[dict[str, frozenset[str]]] = {
    "aiohttp": frozenset({"transport"}),
    "aiohttp.web": frozenset({"emulator"}),
    "tenacity": frozenset({"_calls.py"}),
    "argparse": frozenset({"cli"}),
    "sqlite3": frozenset({"spool"}),
    "redis": frozenset({"fleet"}),
    "fastapi": frozenset({"integrations/fastapi.py"}),
    "starlette": frozenset({"integrations"}),
    "opentelemetry": frozenset({"integrations/opentelemetry.py"}),
    "prometheus_client": frozenset({"integrations/prometheus.py"}),
    "rich": frozenset({"cli"}),
    "pytest": frozenset({"pytest_plugin"}),
    "pytest_asyncio": frozenset({"pytest_plugin"}),
}
"""Libraries that only some rooms (or files) import."""

PURE: Final = frozenset({"_wire", "_policy", "_events"})
IMPURE: Final = frozenset({"asyncio", "anyio", "time", "random", "socket", "threading", "os"})


class Import(NamedTuple):
    """One import: the file, the line, and the full name of what is imported."""

    file: Path
    line: int
    name: str

    @property
    def where(self) -> str:
        return f"{self.file.relative_to(ROOT.parent)}:{self.line}"


def room_of(name: str) -> str:
    """The room of one of this package's modules, by its full name."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "root"


def imports(root: Path) -> Iterator[Import]:
    """Every import in the package, with relative ones resolved."""
    for file in sorted(root.rglob("*.py")):
        relative = file.relative_to(root.parent).with_suffix("").parts
        package = list(relative[:-1])
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (Import(file, node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *(node.module or "").split(".")]).strip(".")
                yield from (Import(file, node.lineno, f"{base}.{alias.name}") for alias in node.names)


def room_of_file(file: Path, root: Path = ROOT) -> str:
    first = file.relative_to(root).parts[0].removesuffix(".py")
    return "root" if first == "__init__" else first


def upward(found: Import, root: Path = ROOT) -> str | None:
    """The room that this import may not reach, or None."""
    if found.name.split(".")[0] != PACKAGE:
        return None
    here, there = room_of_file(found.file, root), room_of(found.name)
    return None if there == here or there in ROOMS.get(here, frozenset()) else there


def misplaced(found: Import, root: Path = ROOT) -> str | None:
    """The library that this import may not name here, or None."""
    for library in sorted(LIBRARIES, key=len, reverse=True):
        if found.name == library or found.name.startswith(library + "."):
            here = {room_of_file(found.file, root), str(found.file.relative_to(root))}
            return None if here & LIBRARIES[library] else library
    return None


ALL: Final = list(imports(ROOT))


def test_the_table_has_a_line_for_every_room() -> None:
    """A new file or folder at the top gets its place in the table first."""
    there = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__"} == set(ROOMS) - {"root"}


def test_imports_only_go_down() -> None:
    """No room imports one that is not in its row of the table."""
    assert [f"{found.where} imports {there}" for found in ALL if (there := upward(found))] == []


def test_the_table_has_no_circle() -> None:
    """Two rooms never import each other, not even through others."""
    placed: set[str] = set()
    while left := set(ROOMS) - placed:
        free = {room for room in left if ROOMS[room] <= placed}
        assert free, f"these rooms are in a circle: {sorted(left)}"
        placed |= free


@pytest.mark.parametrize("room", ["emulator", "cli"])
def test_the_files_of_a_room_have_no_circle(room: str) -> None:
    """Inside these rooms, too, imports go one way, those for types included."""
    files = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in (ROOT / room).rglob("*.py")}
    below: dict[str, set[str]] = {name: set() for name in files}
    for found in ALL:
        name = ".".join(found.file.relative_to(ROOT).with_suffix("").parts)
        there = found.name.removeprefix(f"{PACKAGE}.")
        module, _, _ = there.rpartition(".")
        target = next((one for one in (there, module, f"{module}.__init__") if one in files), name)
        below.get(name, set()).update({target} - {name})
    placed: set[str] = set()
    while left := files - placed:
        free = {name for name in left if below[name] <= placed}
        assert free, f"these files are in a circle: {sorted(left)}"
        placed |= free


def test_libraries_stay_where_they_belong() -> None:
    """aiohttp's client in the transport, its server in the emulator, tenacity in the engine, argv in the commands."""
    assert [f"{found.where} imports {found.name}" for found in ALL if misplaced(found)] == []


def outside_the_commands(looked_for: Callable[[ast.AST], bool]) -> list[str]:
    """Where the package has such a node, besides in the commands."""
    return [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for file in ROOT.rglob("*.py")
        if room_of_file(file) != "cli"
        for node in ast.walk(ast.parse(file.read_text()))
        if looked_for(node)
    ]


def test_only_the_commands_read_argv() -> None:
    """`sys.argv` appears nowhere else."""
    assert outside_the_commands(lambda node: isinstance(node, ast.Attribute) and node.attr == "argv") == []


def test_the_wall_clock_is_an_argument() -> None:
    """Only the commands call `time.time()`: elsewhere it is the default of an argument, which a test can replace."""
    assert outside_the_commands(lambda node: isinstance(node, ast.Call) and ast.unparse(node.func) == "time.time") == []


def test_pure_rooms_have_no_clock_no_chance_and_no_loop() -> None:
    """Time is passed in, chance is passed in, nothing waits."""
    found = [f for f in ALL if room_of_file(f.file) in PURE and f.name.split(".")[0] in IMPURE]
    assert [f"{each.where} imports {each.name}" for each in found] == []


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [
        ("resources/new.py", "def f():\n    from ..queue import queue\n", "resources imports queue"),
        ("queue/new.py", "if TYPE_CHECKING:\n    from ..engine import Engine\n", "queue imports engine"),
        ("errors.py", "from .config import Token\n", "errors imports config"),
        ("emulator/new.py", "from .. import errors\n", "emulator imports errors"),
        ("queue/new.py", "from .. import Hellotext\n", "queue imports root"),
        ("queue/new.py", "import aiohttp\n", "library aiohttp"),
        ("transport/new.py", "from aiohttp import web\n", "library aiohttp.web"),
        ("limiter.py", "import tenacity\n", "library tenacity"),
    ],
)  # fmt: skip
def test_the_check_finds_what_breaks_a_rule(tmp_path: Path, file: str, text: str, rule: str) -> None:
    """One broken rule of each kind, in a package made for it."""
    root = tmp_path / PACKAGE
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
    found = [f"{room_of_file(i.file, root)} imports {there}" for i in imports(root) if (there := upward(i, root))]
    found += [f"library {library}" for i in imports(root) if (library := misplaced(i, root))]
    assert found == [rule]
