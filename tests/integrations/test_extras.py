"""An integration whose library is not installed says in one line which extra it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {library!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Absent())
import hellotext_async.integrations.{integration}
"""

INTEGRATIONS = [
    ("fastapi", "fastapi", "fastapi"),
    ("starlette", "starlette", "starlette"),
    ("opentelemetry", "opentelemetry", "otel"),
    ("prometheus", "prometheus_client", "prometheus"),
]


@pytest.mark.parametrize(("integration", "library", "extra"), INTEGRATIONS)
def test_a_missing_library_is_one_line_that_names_the_extra(integration: str, library: str, extra: str) -> None:
    """And no chain of tracebacks."""
    program = ABSENT.format(integration=integration, library=library)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: hellotext_async.integrations.{integration} needs the extra {extra!r}: "
        f"pip install 'hellotext-async[{extra}]'"
    )
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize(("integration", "library", "extra"), INTEGRATIONS)
def test_an_integration_imports_no_other(integration: str, library: str, extra: str) -> None:
    """Each works alone."""
    program = f"import hellotext_async.integrations.{integration}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    of_ours = {f"hellotext_async.integrations.{other}" for other, _, _ in INTEGRATIONS}
    below = {"fastapi": {"hellotext_async.integrations.starlette"}}.get(integration, set())
    assert of_ours & set(done.stdout.split()) == {f"hellotext_async.integrations.{integration}"} | below
