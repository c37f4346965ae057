"""Commands called as functions, against an API that fails."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hellotext_async.cli import main
from hellotext_async.emulator import Emulator, Fault


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator.in_thread() as one:
        one.store.seed_document()
        monkeypatch.setenv("HELLOTEXT_API_URL", one.url)
        monkeypatch.setenv("HELLOTEXT_API_TOKEN", one.token)
        yield one


@pytest.mark.parametrize(
    ("fault", "arguments", "advice"),
    [
        (Fault("status", match="*", times=9, status=500), [], "the API fails: try again later"),
        (Fault("status", match="*", times=9, status=403), [], "HTTP 403"),
        (Fault("drop_after", match="POST *", times=9), ["--write"], "what was written may be there all the same"),
        (Fault("garbage", match="GET *", times=9), [], "could not be made|did not answer|HTTP"),
    ],
    ids=["500", "403", "no answer", "garbage"],
)
def test_check_reports_what_to_do(
    emulator: Emulator, fault: Fault, arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, and one sentence for each layer that fails."""
    emulator.faults.add(fault)
    assert main(["check", *arguments]) == 1
    shown = capsys.readouterr()
    assert any(part in shown.out + shown.err for part in advice.split("|")), shown


@pytest.mark.parametrize("content", ["[1]", '{"format": "other", "job": "", "head": "", "head_bytes": 0, "rows": 0, '
                                     '"ahead": [], "outcomes": {}}', "no JSON"])  # fmt: skip
def test_a_file_that_is_no_checkpoint_is_left_as_it_is(
    emulator: Emulator, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage, and nothing is sent."""
    events, checkpoint = tmp_path / "events.jsonl", tmp_path / "checkpoint"
    events.write_text('{"action": "page.viewed", "session": "s"}\n')
    checkpoint.write_text(content)
    assert main(["ingest", str(events), "--checkpoint", str(checkpoint)]) == 2
    assert "--checkpoint" in capsys.readouterr().err
    assert checkpoint.read_text() == content
    assert len(emulator.requests) == 0


def test_profiles_that_the_api_refuses_are_counted_by_kind(
    emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rejected, failed and unknown ones, each with its reason; the rest is imported."""
    people = tmp_path / "people.csv"
    people.write_text("first_name,phone\nAna,+59899000011\nBo,\nCy,123\nDi,+59899000012\n")
    assert main(["profiles", "import", str(people)]) == 1
    shown = capsys.readouterr()
    assert "imported" in shown.out
    assert "phone_number_invalid" in shown.out
    assert "a row needs a phone or an email" in shown.err
    assert main(["profiles", "import", str(people), "--dry-run", "--checkpoint", str(tmp_path / "c")]) == 2


def test_an_import_ends_when_the_token_is_refused(emulator: Emulator, tmp_path: Path) -> None:
    """It stops after one request, rather than one for each row."""
    people = tmp_path / "people.csv"
    people.write_text("phone\n" + "".join(f"+598990001{n:02}\n" for n in range(50)))
    emulator.faults.add(Fault("status", match="*", times=99, status=401))
    assert main(["profiles", "import", str(people), "--concurrency", "1"]) == 1
    assert len(emulator.requests) <= 2


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        (Fault("drop_before", match="POST *", times=9), "unknown", "unknown: "),
        (Fault("status", match="*", times=9, status=500), "failed", "failed: "),
    ],
    ids=["no answer", "500"],
)
def test_an_import_counts_what_became_of_each_row(
    emulator: Emulator, tmp_path: Path, fault: Fault, outcome: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, with the row and the reason; no such row counts as imported."""
    people = tmp_path / "people.csv"
    people.write_text("first_name,email\nAna,ana@acme.com\n")
    emulator.faults.add(fault)
    assert main(["profiles", "import", str(people), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["outcomes"] == {outcome: 1}
    assert next(iter(report["reasons"])).startswith(reason)


def test_an_unreachable_api_is_reported_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the first request that is not sent; the command continues to retry, then ends with exit 1."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("HELLOTEXT_API_URL", url)
    assert main(["profiles", "export"]) == 1
    assert capsys.readouterr().err.count(f"{url} cannot be reached (connect); trying again") == 1


def test_a_file_that_only_begins_like_gzip_is_read_as_it_is(
    emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The byte that was buffered until the next one arrived is a line of its own, and no event."""
    (tmp_path / "events").write_bytes(b"\x1f")
    assert main(["ingest", str(tmp_path / "events"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["outcomes"] == {"bad": 1}
