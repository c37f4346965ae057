"""The fixtures for users' tests, as pytest finds them in a separate project."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Sequence

import pytest

from tests.harness.python_path import python_path

pytest_plugins = ["pytester"]

TESTS = """
    import asyncio
    import pytest
    from hellotext_async import NotFound

    {marks}

    async def test_a_client_talks_to_the_emulator(hellotext_client, hellotext_emulator):
        created = await hellotext_client.profiles.create(first_name="Will E")
        assert created.id in {{profile["id"] for profile in hellotext_emulator.store.profiles}}

    async def test_every_test_has_an_emulator_of_its_own(hellotext_client, hellotext_emulator):
        with pytest.raises(NotFound):
            await hellotext_client.lists.retrieve("Greens")
        assert (await hellotext_client.profiles.list()).items == []
        assert [seen.status for seen in hellotext_emulator.requests] == [404, 200]

    class TestQueue:
        async def test_a_queue_delivers(self, hellotext_queue, hellotext_emulator):
            outcome = await hellotext_queue.track("page.viewed", session="s")
            assert outcome.delivered
            hellotext_emulator.assert_tracked("page.viewed", session="s", times=1)

        async def test_what_is_waiting_is_delivered_at_the_end(self, hellotext_queue, hellotext_client):
            hellotext_queue.track("page.viewed", session="s")
            await asyncio.sleep(0)
"""
PASSED = 4


EVERY = "every plugin that is installed"
SAME_NAME = "ignore:Module already imported so cannot be rewritten; asyncio"
"""pytest takes the name of pytest-asyncio's entry point for that of a module."""


def run(pytester: pytest.Pytester, *options: str, plugins: Sequence[str] = ("asyncio", "anyio")) -> pytest.RunResult:
    """Run pytest in the project with ours and these plugins, by the names of their entry points; a warning is an error.

    pytest-asyncio requires a default. To import every other installed plugin takes longer than any test here.
    """
    if "asyncio" in plugins or EVERY in plugins:
        options = ("-o", "asyncio_default_fixture_loop_scope=function", *options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path())
        if EVERY not in plugins:
            patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            options = (*(f"-p{plugin}" for plugin in ("hellotext_async", *plugins)), "-W", SAME_NAME, *options)
        return pytester.runpytest_subprocess("-W", "error", *options)


def marked(mark: str) -> str:
    return f"pytestmark = pytest.mark.{mark}"


SCOPES = ["function", "class", "module", "package", "session"]


def test_they_work_under_pytest_asyncio_in_strict_mode(pytester: pytest.Pytester) -> None:
    """Without a conftest or a warning, in loops of every scope side by side."""
    for scope in SCOPES:
        module = TESTS.format(marks=marked(f"asyncio(loop_scope={scope!r})"))
        pytester.mkpydir(f"shop_{scope}").joinpath("test_shop.py").write_text(textwrap.dedent(module))
    run(pytester, "-o", "asyncio_mode=strict").assert_outcomes(passed=PASSED * len(SCOPES))


@pytest.mark.parametrize("scope", ["function", "session"])
def test_they_work_under_pytest_asyncio_in_auto_mode(pytester: pytest.Pytester, scope: str) -> None:
    """The tests have no mark; the configuration chooses their loop."""
    pytester.makepyfile(TESTS.format(marks=""))
    options = ("-o", "asyncio_mode=auto", "-o", f"asyncio_default_test_loop_scope={scope}")
    run(pytester, *options).assert_outcomes(passed=PASSED)


@pytest.mark.parametrize("plugins", [["anyio"], ["anyio", "asyncio"]], ids=["alone", "beside"])
def test_they_work_under_anyio(pytester: pytest.Pytester, plugins: list[str]) -> None:
    """Where pytest-asyncio is disabled, and where it is enabled for other tests."""
    pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
    """)
    pytester.makepyfile(TESTS.format(marks=marked("anyio")))
    run(pytester, plugins=plugins).assert_outcomes(passed=PASSED)


def test_under_trio_they_name_what_they_need(pytester: pytest.Pytester) -> None:
    """One line that names the fixture to define."""
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "trio"

        @pytest.mark.anyio
        async def test_it(hellotext_client):
            raise AssertionError
    """)
    found = run(pytester, plugins=["anyio"])
    found.stdout.fnmatch_lines(["*needs asyncio, not trio: let the fixture `anyio_backend` return 'asyncio'*"])


PLAIN = """
    import asyncio

    def test_the_emulator_needs_no_loop(hellotext_emulator):
        hellotext_emulator.assert_not_tracked()

    def test_the_client_opens_in_the_tests_own_loop(hellotext_client, hellotext_emulator):
        async def view():
            async with hellotext_client as client:
                await client.events.track("page.viewed", session="s")
        asyncio.run(view())
        hellotext_emulator.assert_tracked("page.viewed", session="s")

    def test_a_client_may_stay_unused(hellotext_client):
        pass

    def test_the_queue_runs_in_a_thread(hellotext_queue):
        assert hellotext_queue.track("page.viewed", session="s").wait(10).delivered

    def test_what_is_waiting_is_delivered_at_the_end(hellotext_queue):
        hellotext_queue.track("page.viewed", session="s")
"""


@pytest.mark.parametrize("plugins", [[EVERY], ["anyio"], []], ids=["all that are installed", "anyio", "none"])
def test_they_work_in_plain_tests(pytester: pytest.Pytester, plugins: list[str]) -> None:
    """With any plugin or none."""
    pytester.makepyfile(PLAIN)
    run(pytester, plugins=plugins).assert_outcomes(passed=5)


def test_they_work_in_several_processes(pytester: pytest.Pytester) -> None:
    """With pytest-xdist."""
    pytester.makepyfile(TESTS.format(marks=marked("asyncio")), test_plain=PLAIN)
    run(pytester, "-n", "2", plugins=["asyncio", "xdist"]).assert_outcomes(passed=PASSED + 5)


def test_a_project_makes_its_own_client(pytester: pytest.Pytester) -> None:
    """A fixture of the same name replaces it, also for the queue."""
    pytester.makeconftest("""
        import pytest_asyncio
        from hellotext_async import Hellotext

        @pytest_asyncio.fixture
        async def hellotext_client(hellotext_emulator):
            async with Hellotext(hellotext_emulator.token, base_url=hellotext_emulator.url, event_format="object") as client:
                yield client
    """)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.asyncio
        async def test_it(hellotext_queue, hellotext_emulator):
            hellotext_emulator.store.seed_document()
            await hellotext_queue.track("order.placed", session="s", order="wx4Vn4no")
            assert hellotext_emulator.assert_tracked("order.placed")["object"] == "wx4Vn4no"
    """)
    run(pytester).assert_outcomes(passed=1)


def test_an_async_fixture_of_the_project_uses_them(pytester: pytest.Pytester) -> None:
    """In the loop of the test."""
    pytester.makepyfile("""
        import pytest, pytest_asyncio

        @pytest_asyncio.fixture(loop_scope="module")
        async def profile(hellotext_client):
            return (await hellotext_client.profiles.create(first_name="Will E")).id

        @pytest.mark.asyncio(loop_scope="module")
        async def test_it(profile, hellotext_queue, hellotext_emulator):
            assert (await hellotext_queue.track("page.viewed", profile=profile)).delivered
            hellotext_emulator.assert_tracked("page.viewed", profile=profile)
    """)
    run(pytester).assert_outcomes(passed=1)


def test_a_failed_assertion_shows_the_test_and_not_our_code(pytester: pytest.Pytester) -> None:
    """The traceback ends at the test's line."""
    pytester.makepyfile("""
        def test_it(hellotext_emulator):
            hellotext_emulator.assert_tracked("order.placed", order="A1")
    """)
    found = run(pytester)
    found.stdout.fnmatch_lines(
        [
            ">*hellotext_emulator.assert_tracked(*",
            "E*AssertionError: order.placed with order='A1' was not accepted",
            "E*no event arrived; was the queue flushed*",
            "test_a_failed*.py:2: AssertionError",
        ]
    )
    assert "expect.py" not in found.stdout.str()


def test_nothing_is_imported_before_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    """A run that uses none of the fixtures imports neither the client nor aiohttp."""
    pytester.makepyfile("""
        import sys

        def test_it():
            assert "hellotext_async.pytest_plugin" in sys.modules
            ours = {name for name in sys.modules if name.startswith("hellotext_async.")}
            assert ours == {"hellotext_async._version", "hellotext_async.pytest_plugin"}
            assert "aiohttp" not in sys.modules
    """)
    run(pytester, plugins=[]).assert_outcomes(passed=1)


def test_it_can_be_imported_without_pytest_asyncio() -> None:
    """Where pytest-asyncio is missing, the fixtures for its loops are left out."""
    program = (
        "import sys; sys.modules['pytest_asyncio'] = None; "
        "import hellotext_async.pytest_plugin as plugin; print(*sorted(n for n in vars(plugin) if 'hellotext_client' in n))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["_hellotext_client_anyio", "hellotext_client"]
