"""Every check and every chore of the project; a fresh machine needs Python and pip only."""

from __future__ import annotations

import nox

nox.options.sessions = ["tests", "lint", "types", "docs"]
nox.options.reuse_existing_virtualenvs = True

PROJECT = nox.project.load_toml("pyproject.toml")


def needs(session: nox.Session, *groups: str, package: str | None = "-e.") -> None:
    """Install the package and what these groups of pyproject.toml name."""
    wanted = [requirement for group in groups for requirement in nox.project.dependency_groups(PROJECT, group)]
    session.install(*wanted, *([] if package is None else [package]))


@nox.session
def demo(session: nox.Session) -> None:
    """Deliver ten thousand events to the embedded emulator, and compare both counts."""
    needs(session, package="-e.[cli]")
    session.run("hellotext-async", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, those that take long left out."""
    needs(session, "tests")
    session.run("pytest", "-q", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run the tests with 200 rounds of kill -9 instead of 20."""
    needs(session, "tests")
    session.run("pytest", "-q", *session.posargs, env={"CRASH_ROUNDS": "200"})


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
    """Build the documentation."""
    needs(session, "docs")
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, as ratios within one run."""
    needs(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(name="bench-peers")
def bench_peers(session: nox.Session) -> None:
    """Measure other vendors' clients beside this one; by hand, not in CI."""
    needs(session, "bench", "peers")
    session.run("python", "-m", "benchmarks.peers", *session.posargs)
