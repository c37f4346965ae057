"""Some of the rounds that ``nox -s soak`` runs by the thousand."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.harness.python_path import ROOT, python_path

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))


def soak(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.soak", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": python_path()}, capture_output=True, text=True
    )


def test_programs_and_server_agree_on_what_became_of_every_event() -> None:
    """Random programs: threads, cancellations, faults, closes, kills, forks; in memory and over spools, on both loops."""
    done = soak("--rounds", 2 * ROUNDS, "--seed", "suite", "--jobs", 8)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{2 * ROUNDS} rounds" in done.stdout


@pytest.mark.parametrize("kind", ["fight", "folder"])
def test_two_processes_that_are_killed_over_one_spool_lose_and_double_nothing(kind: str) -> None:
    """Competing for one file, and each with a file of one folder."""
    done = soak("--only", kind, "--rounds", ROUNDS if kind == "fight" else ROUNDS // 2, "--seed", "suite", "--jobs", 8)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed" in done.stdout
