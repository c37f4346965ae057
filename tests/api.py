"""The public API as text, one line for each name and member: ``python -m tests.api`` writes ``tests/api.txt``.

Rules. Read from the source, so it is the same on every Python. Members are those that a name's class
or its ancestors in this package define; what begins with an underscore is private, `__init__` apart.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "api.txt"
PACKAGE: Final = "hellotext_async"
MODULES: Final = (
    PACKAGE,
    f"{PACKAGE}.emulator",
    f"{PACKAGE}.pytest_plugin",
    *(
        f"{PACKAGE}.integrations.{path.stem}"
        for path in sorted((Path(__file__).parents[1] / PACKAGE / "integrations").glob("[!_]*.py"))
    ),
)


def api() -> str:
    """The whole of it."""
    return "\n".join(line for module in MODULES for line in _module(module)) + "\n"


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    for public in sorted(module.__all__):
        value = getattr(module, public)
        if inspect.isclass(value):
            yield f"{name}.{public}({', '.join(base.__name__ for base in value.__bases__)})"
            yield from (f"    {line}" for line in sorted(set(_members(value))))
        elif inspect.isfunction(value):
            yield f"{name}.{_signature(_parsed(value))}"
        else:
            yield f"{name}.{public}"


def _parsed(value: object) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]  # type: ignore[arg-type]


def _members(kind: type) -> Iterator[str]:
    seen: set[str] = set()
    for ancestor in kind.__mro__:
        if ancestor.__module__.startswith(PACKAGE):
            found = list(_own(ancestor))
            yield from (line for name, line in found if name not in seen)
            seen |= {name for name, _ in found}


def _own(kind: type) -> Iterator[tuple[str, str]]:
    """The public members that this class itself defines, by name; overloads are several lines of one name."""
    body = _parsed(kind)
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_public(node.name):
            yield node.name, _signature(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_public(node.target.id):
            yield node.target.id, ast.unparse(node)


def _is_public(name: str) -> bool:
    return name == "__init__" or not name.startswith("_")


def _signature(node: ast.AST) -> str:
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    decorators = "".join(f"@{ast.unparse(each)} " for each in node.decorator_list)
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{decorators}{kind} {node.name}({ast.unparse(node.args)}){returned}"


if __name__ == "__main__":
    FILE.write_text(api())
