"""What the package's root offers, and what importing it costs."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import hellotext_async
from hellotext_async import errors

PUBLIC = {
    *errors.__all__,
    "Families", "Hellotext", "Event", "EventFields", "CartProduct", "EventQueue", "Receipt", "Outcome", "Report", "Stats",
    "SqliteSpool", "RedisStream", "Producer", "StreamWorker", "DeadLetters", "Letter", "Timeouts", "Retry", "Limits", "Token", "RateState",
    "Page", "Listing", "Address", "Street", "Day", "Profile", "PropertyValue", "ProfileList", "Coupon", "Property",
    "Action", "App", "AppParameters", "Cart", "CartItem", "CartParameters", "CouponParameters", "Created",
    "Deleted", "FormParameters", "Hooks", "HttpAttempt", "Identified", "Message", "MessageTemplate", "Money",
    "MoneyParameters", "NewObjectProperty", "ObjectProperty", "ObjectStructure", "Order", "OrderItem", "OrderLine",
    "OrderParameters", "Outage", "Product", "ProductParameters", "ProductVariant", "ProductVariantParameters",
    "Received", "Reconciled", "RefundParameters", "Response", "Session", "Template", "Tracked",
    "UnknownParameterWarning", "Updated", "Verified",
    "__version__",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    """Adding or removing a public name is a decision, made here."""
    assert set(hellotext_async.__all__) == PUBLIC
    assert len(hellotext_async.__all__) == len(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there(name: str) -> None:
    """It can be imported, is listed by `dir`, and is the same object each time."""
    first = getattr(hellotext_async, name)
    assert first is getattr(hellotext_async, name)
    assert name in dir(hellotext_async)


def test_type_checkers_see_the_same_names() -> None:
    """The imports for type checkers and those at run time are the same."""
    tree = ast.parse(Path(hellotext_async.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        alias.asname: getattr(importlib.import_module(f".{node.module}", "hellotext_async"), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared == {name: getattr(hellotext_async, name) for name in declared}
    assert declared.keys() == set(hellotext_async.__all__) - {"__version__"}


def test_another_name_is_an_attribute_error() -> None:
    """As with every module."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = hellotext_async.no_such_name


def test_every_error_is_a_hellotext_error_with_a_place_in_the_tree() -> None:
    """One parent for `except`, and a line in the docstring's tree."""
    for name in errors.__all__:
        value = getattr(errors, name)
        if isinstance(value, type) and issubclass(value, msgspec.Struct):
            continue
        assert issubclass(value, hellotext_async.HellotextError)
        assert name in (errors.__doc__ or "")


def _imported_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
    )
    return set(done.stdout.split())


def test_without_redis_every_name_of_import_star_is_there(tmp_path: Path) -> None:
    """`from hellotext_async import *` and `help` work where redis-py is not installed."""
    for path in Path(msgspec.__file__).parent.parent.iterdir():
        if not path.name.startswith("redis"):
            (tmp_path / path.name).symlink_to(path)
    program = "from hellotext_async import *; import hellotext_async, pydoc; print(pydoc.plain(pydoc.render_doc(hellotext_async)))"
    root = Path(hellotext_async.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(tmp_path)])},
    )
    assert done.stderr == ""
    assert "class EventQueue" in done.stdout


def test_importing_the_package_imports_no_library() -> None:
    """Neither an HTTP library, nor a database, nor asyncio, before a name is used."""
    assert not _imported_by("import hellotext_async") & {"aiohttp", "sqlite3", "asyncio", "msgspec", "tenacity"}


def test_a_client_that_was_not_opened_imports_no_http_library() -> None:
    """Errors, events, queues and clients can be made without it, and without a database."""
    program = "from hellotext_async import *; from hellotext_async import Hellotext; Hellotext('t').event_queue()"
    assert "aiohttp" not in _imported_by(program)
    assert not _imported_by("from hellotext_async import Hellotext; Hellotext('t').event_queue()") & {
        "aiohttp",
        "sqlite3",
    }


def test_the_version_is_that_of_the_distribution() -> None:
    """One version."""
    from importlib.metadata import version

    assert hellotext_async.__version__ == version("hellotext-async")


def test_the_module_of_the_commands_can_be_imported() -> None:
    """As a program that imports every module of a package does: no command runs."""
    assert importlib.import_module("hellotext_async.__main__").main is not None
