"""Every check and every chore of the project; a fresh machine needs Python and pip only."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "docs"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = [each.rpartition(" ")[2] for each in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", each)]
LOOP_USERS = [f"tests/{each}" for each in ("emulated", "emulator", "faults", "integrations", "queue", "redis")]
PARALLEL = ("-n", str(2 * (os.cpu_count() or 1)), "--dist", "worksteal")  # a test waits for half of its time
COMPILED = {"PYTHONDONTWRITEBYTECODE": None}  # else each of many processes would compile the package for itself


def needs(session: nox.Session, *groups: str, package: str | None = "-e.") -> None:
    """Install the package and what these groups of pyproject.toml name."""
    wanted = [requirement for group in groups for requirement in nox.project.dependency_groups(PROJECT, group)]
    session.install(*wanted, *([] if package is None else [package]))


def run_tests(session: nox.Session, *arguments: str) -> None:
    """Run pytest."""
    session.run("pytest", "-q", *arguments, env=COMPILED)


def floors() -> list[str]:
    """What the package and its extras import, each in the lowest version that pyproject.toml allows."""
    extras = [extra for name, extra in PROJECT["project"]["optional-dependencies"].items() if name != "test"]
    required = [*PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)]
    return [re.sub(r">=([\w.]+)(,<\w+)?", r"==\1", each) for each in required]


@nox.session
def demo(session: nox.Session) -> None:
    """Deliver ten thousand events to the embedded emulator, and compare both counts."""
    needs(session, package="-e.[cli]")
    session.run("hellotext-async", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, those that take long left out. Arguments after -- go to pytest."""
    needs(session, "tests")
    run_tests(session, *(session.posargs or PARALLEL))


@nox.session(python=PYTHONS, tags=["matrix"])
def matrix(session: nox.Session) -> None:
    """Run the tests on every Python that is supported and installed here, with the newest dependencies."""
    needs(session, "tests")
    run_tests(session, *PARALLEL, *session.posargs)


@nox.session(python=PYTHONS[0], tags=["matrix"])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions of what the package depends on."""
    session.install("-e.", *floors(), *nox.project.dependency_groups(PROJECT, "tests"))
    run_tests(session, "-W", "default", *PARALLEL, *session.posargs)


@nox.session(tags=["matrix"])
def uvloop(session: nox.Session) -> None:
    """Run the tests of the event loop's users on uvloop; the others have none, or run on both in every session."""
    needs(session, "tests")
    run_tests(session, "--loop=uvloop", *(session.posargs or (*PARALLEL, *LOOP_USERS)))


@nox.session
def soak(session: nox.Session) -> None:
    """Run ten thousand random rounds, 200 of kill -9, and a disturbed fleet. Arguments after -- go to the rounds."""
    needs(session, "tests")
    session.run("python", "-m", "tests.soak", *session.posargs)
    for arguments in ("--kills 10 --pause 3.5", "--stops 8", "--rescales 8"):
        session.run("python", "-m", "tests.soak.fleet", *arguments.split())
    for sync in ("always", "everysec"):
        session.run("python", "-m", "tests.soak.fleet", "--server-kills", "4", "--pause", "4", "--appendfsync", sync)
    session.run(
        "pytest",
        "-q",
        "tests/faults/test_crash.py",
        "tests/faults/test_keepalive.py",
        "tests/soak",
        "-o",
        "faulthandler_timeout=0",
        env={"CRASH_ROUNDS": "200", "KEEPALIVE_EVENTS": "10000"},
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which lines and branches the tests reach, child processes included."""
    needs(session, "tests")
    run_tests(session, "--cov", "--cov-report=term-missing:skip-covered", *PARALLEL, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and form."""
    needs(session, "lint", package=None)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, the promises in tests/typing included."""
    needs(session, "tests", "types")
    session.run("mypy", "--strict", "hellotext_async", "tests/typing")
    session.run("pyright", "hellotext_async", "tests/typing")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link or anchor fails."""
    needs(session, "docs")
    session.run("zensical", *(session.posargs or ("build", "--clean", "--strict")))


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and the source archive, install each in an empty environment and run the tutorial from it."""
    built = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(built, ignore_errors=True)
    session.install("build", "twine")
    session.run("python", "-m", "build", "--outdir", str(built))
    session.run("twine", "check", "--strict", *map(str, built.iterdir()))
    for archive in sorted(built.iterdir()):
        session.run("python", "-P", "tests/wheel.py", str(archive))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, as ratios within one run."""
    needs(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs, env=COMPILED)


@nox.session(name="bench-peers")
def bench_peers(session: nox.Session) -> None:
    """Measure other vendors' clients beside this one; by hand, not in CI."""
    needs(session, "bench", "peers")
    session.run("python", "-m", "benchmarks.peers", *session.posargs)
