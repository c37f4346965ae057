"""The fixtures for users' tests, as pytest finds them in a project of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

TESTS = """
    import pytest
    from hellotext_async import NotFound

    {marks}

    async def test_a_client_talks_to_the_emulator(hellotext_client, hellotext_emulator):
        created = await hellotext_client.profiles.create(first_name="Will E")
        assert created.id in {{profile["id"] for profile in hellotext_emulator.store.profiles}}

    async def test_every_test_has_an_emulator_of_its_own(hellotext_client):
        with pytest.raises(NotFound):
            await hellotext_client.lists.retrieve("Greens")
        assert (await hellotext_client.profiles.list()).items == []
"""


@pytest.mark.parametrize(
    ("options", "marks"),
    [
        (["-o", "asyncio_mode=auto"], ""),
        (["-o", "asyncio_mode=strict"], "pytestmark = pytest.mark.asyncio"),
    ],
    ids=["auto", "strict"],
)
def test_the_fixtures_work_in_both_modes(pytester: pytest.Pytester, options: list[str], marks: str) -> None:
    """Found without a conftest, in pytest-asyncio's auto and strict modes, without a warning."""
    pytester.makepyfile(TESTS.format(marks=marks))
    found = pytester.runpytest_subprocess("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function", *options)
    found.assert_outcomes(passed=2)


def test_nothing_is_imported_before_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    """A run that uses no fixture of ours imports neither the client nor aiohttp."""
    pytester.makepyfile("""
        import sys

        def test_it():
            assert "hellotext_async.pytest_plugin" in sys.modules
            ours = {name for name in sys.modules if name.startswith("hellotext_async.")}
            assert ours == {"hellotext_async._version", "hellotext_async.pytest_plugin"}
            assert "aiohttp" not in sys.modules
    """)
    pytester.runpytest_subprocess("-p", "no:asyncio").assert_outcomes(passed=1)


def test_it_can_be_imported_without_pytest_asyncio() -> None:
    """Where pytest-asyncio is missing, the fixtures are plain ones and the import does not fail."""
    program = (
        "import sys; sys.modules['pytest_asyncio'] = None; "
        "import hellotext_async.pytest_plugin as plugin; print(type(plugin.hellotext_client).__module__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("_pytest")
