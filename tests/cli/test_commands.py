"""`emulator`, `check` and `dead-letters`."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest

from hellotext_async import DeadLetters, Hellotext, OrderParameters
from hellotext_async.emulator import Emulator, Fault
from tests.cli.command import Done, code_of, ended, run, started
from tests.harness.canary import EMAIL, PHONE, TOKEN, hits_in_text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_emulator_serves_until_a_signal(number: signal.Signals) -> None:
    """Its first line has its URL; it answers there; a signal ends it with exit 0."""
    async with started("emulator", "--token", "t0", "--seed-document") as process:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()[1]
        async with Hellotext("t0", base_url=url) as client:
            assert (await client.profiles.retrieve("MzYwlE50")).first_name == "Will E"
        process.send_signal(number)
        assert (await ended(process)).code == 0


async def test_a_port_in_use_is_one_line(emulator: Emulator) -> None:
    """Exit 1 and one line, no traceback."""
    done = await run("emulator", "--port", emulator.url.rpartition(":")[2])
    assert done.code == 1
    assert "cannot be used" in done.err
    assert "Traceback" not in done.err


async def test_a_controlled_emulator_ends_with_its_stdin() -> None:
    """When its parent dies it ends too, and prints its counts; input on stdin is ignored."""
    async with started("emulator", "--controlled") as process:
        done = await ended(process, b"hello?\n")
    assert done.code == 0
    assert json.loads(done.out.splitlines()[-1]) == {"actions": {}, "statuses": {}}


async def test_check_reports_that_all_works(emulator: Emulator) -> None:
    """Exit 0 after one request; the token is not shown."""
    done = await run("check", emulator=emulator)
    assert done.code == 0, done
    assert len(emulator.requests) == 1
    assert not hits_in_text(done.out + done.err)


async def test_check_goes_through_the_layers_that_are_asked_for(emulator: Emulator) -> None:
    """An action, a profile, a write; without --write, nothing is written."""
    emulator.store.seed_document()
    named = ("--action", "signup_form.completed", "--profile", "MzYwlE50")
    done = await run("check", *named, emulator=emulator)
    assert done.code == 0, done
    assert [line.split()[0] for line in done.out.splitlines()] == [
        "URL",
        "token",
        "API",
        "action",
        "profile",
        "nothing",
    ]
    assert all(seen.method == "GET" for seen in emulator.requests)
    done = await run("check", "--action", "order.placed", "--write", emulator=emulator)
    assert (done.code, len(emulator.events)) == (0, 1), done
    for argv, message in ((("--action", "none"), "no such thing"), (("--profile", "none"), "no such thing")):
        done = await run("check", *argv, emulator=emulator)
        assert (done.code, message in done.err) == (1, True), done
    emulator.faults.add(Fault("status", status=403))
    done = await run("check", "--write", emulator=emulator)
    assert (done.code, "plan or subscription" in done.err) == (1, True), done


@pytest.mark.parametrize("argv", [(), ("ingest",), ("check",), ("profiles",), ("emulator",)])
def test_help_names_the_environment_and_the_exit_codes(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the program, and of each command."""
    assert code_of(*argv, "--help") == 0
    output = capsys.readouterr().out
    for word in ("HELLOTEXT_API_TOKEN", "HELLOTEXT_API_URL", "exit codes:"):
        assert word in output


async def test_the_emulator_listens_on_the_given_host() -> None:
    """On another address; its page shows the requests."""
    async with started("emulator", "--host", "127.0.0.2") as process:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()[1]
        assert url.startswith("http://127.0.0.2:")
        async with Hellotext("test-token", base_url=url) as client, aiohttp.ClientSession() as browser:
            await client.events.track("page.viewed", session="s")
            async with browser.get(f"{url}/_inspector/requests/1") as response:
                assert (await response.json())["event"] == "page.viewed"
    done = await run("emulator", "--host", "no.such.host.invalid")
    assert (done.code, "cannot be used" in done.err, "Traceback" in done.err) == (1, True, False), done


async def test_check_reports_what_does_not_work(emulator: Emulator) -> None:
    """A refused token, a server that fails: exit 1 and the reason."""
    refused = await run("check", emulator=emulator, token=TOKEN + "x")
    assert (refused.code, "refuses the token" in refused.err) == (1, True), refused
    emulator.faults.add(Fault("status", status=500, match="GET *", times=None))
    failing = await run("check", emulator=emulator)
    assert (failing.code, "HTTP 500" in failing.err) == (1, True), failing
    await emulator.aclose()
    absent = await run("check", emulator=emulator)
    assert (absent.code, "cannot be reached" in absent.err) == (1, True), absent
    assert not any(hits_in_text("".join(map(str, done))) for done in (refused, failing, absent))


async def test_check_without_or_with_an_impossible_token_is_exit_2(emulator: Emulator) -> None:
    """The configuration is wrong, and no request was made."""
    assert (await run("check")).code == 2
    wrong = await run("check", emulator=emulator, token="has space " + TOKEN)
    assert wrong.code == 2
    assert not hits_in_text(wrong.out + wrong.err)
    assert not emulator.requests


@pytest.fixture
async def letters(emulator: Emulator, tmp_path: Path) -> Path:
    """Dead letters: one rejected, one unknown, each with personal data in its payload."""
    file = tmp_path / "dead.jsonl"
    async with Hellotext(TOKEN, base_url=emulator.url) as client, client.event_queue(dead_letters=file) as queue:
        await queue.track("page.viewed", profile="later", event_id="rejected-1", metadata={"phone": PHONE})
        emulator.faults.add(Fault("drop_after"))
        await queue.track("page.viewed", session="s", event_id="unknown-1", metadata={"email": EMAIL})
    emulator.store.profiles.add(id="later")
    return file


async def test_dead_letters_are_listed_without_their_content(emulator: Emulator, letters: Path) -> None:
    """One line each with its id and verdict; nothing personal."""
    done = await run("dead-letters", "list", letters, emulator=emulator)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["rejected-1", "rejected"],
        ["unknown-1", "unknown"],
    ]
    assert not hits_in_text(done.out + done.err)


async def test_a_dead_letter_is_shown_with_its_payload(emulator: Emulator, letters: Path) -> None:
    """JSON with the body as sent; an id that is not there is exit 1."""
    done = await run("dead-letters", "show", letters, "unknown-1", emulator=emulator)
    assert done.code == 0
    assert json.loads(done.out)["payload"]["metadata"] == {"email": EMAIL}
    assert (await run("dead-letters", "show", letters, "no-such", emulator=emulator)).code == 1


async def test_replay_sends_events_that_were_not_applied(emulator: Emulator, letters: Path) -> None:
    """The rejected one is delivered and leaves the list; the unknown one stays, so exit 1."""
    before = len(emulator.events)
    done = await run("dead-letters", "replay", letters, emulator=emulator)
    assert done.code == 1, done
    assert [letter.event_id for letter in DeadLetters(letters)] == ["unknown-1"]
    assert len(emulator.events) == before + 1


async def test_replay_with_include_unknown_sends_everything(emulator: Emulator, letters: Path) -> None:
    """Exit 0 and an empty list."""
    done = await run("dead-letters", "replay", letters, "--include-unknown", emulator=emulator)
    assert done.code == 0, done
    assert not list(DeadLetters(letters))


async def test_a_replay_that_becomes_unknown_is_not_sent_again(emulator: Emulator, letters: Path) -> None:
    """The last outcome counts: a replayed event that became unknown is left out of the next replay."""
    emulator.faults.add(Fault("drop_after"))
    assert (await run("dead-letters", "replay", letters, emulator=emulator)).code == 1
    before = len(emulator.events)
    again = await run("dead-letters", "replay", letters, emulator=emulator)
    assert (again.code, len(emulator.events)) == (1, before), again


async def test_a_replay_with_a_refused_token_ends(emulator: Emulator, letters: Path) -> None:
    """401: it does not wait for another token, and the letters stay."""
    done = await run("dead-letters", "replay", letters, emulator=emulator, token="wrong")
    assert done.code == 1, done
    assert {letter.event_id for letter in DeadLetters(letters)} == {"rejected-1", "unknown-1"}


async def test_damaged_and_missing_files_are_reported(emulator: Emulator, letters: Path, tmp_path: Path) -> None:
    """A truncated line counts as damage (exit 1); a missing file is wrong usage (exit 2)."""
    with letters.open("ab") as file:
        file.write(b'{"event_id": "cut')
    done: Done = await run("dead-letters", "list", letters, emulator=emulator)
    assert (done.code, "1 line" in done.err) == (1, True), done
    assert (await run("dead-letters", "list", tmp_path / "none", emulator=emulator)).code == 2


async def test_letters_whose_outcome_is_unknown_are_looked_up(emulator: Emulator, tmp_path: Path) -> None:
    """Applied ones leave the list, unapplied ones can be replayed, undecided ones stay; then all is delivered once."""
    file = tmp_path / "dead.jsonl"
    async with Hellotext(TOKEN, base_url=emulator.url) as client, client.event_queue(dead_letters=file) as queue:
        for number, kind in enumerate(("drop_after", "drop_before")):
            emulator.faults.add(Fault(kind))  # type: ignore[arg-type]
            parameters: OrderParameters = {"reference": f"o-{number}"}
            await (
                await queue.put("order.placed", session="s", event_id=f"order-{number}", order_parameters=parameters)
            )
        emulator.faults.add(Fault("drop_after"))
        await (await queue.put("page.viewed", session="s", event_id="view"))
    asked = sum(seen.method == "POST" for seen in emulator.requests)
    done = await run("dead-letters", "reconcile", file, emulator=emulator)
    assert done.code == 1
    assert done.out.split()[:2] == ["view", "unknown"]
    assert {letter.event_id: letter.verdict for letter in DeadLetters(file)} == {
        "order-1": "not_delivered", "view": "unknown",
    }  # fmt: skip
    assert sum(seen.method == "POST" for seen in emulator.requests) == asked
    assert (await run("dead-letters", "replay", file, emulator=emulator)).code == 1
    assert [letter.event_id for letter in DeadLetters(file)] == ["view"]
    assert emulator.counts["order.placed"] == 2
    async with Hellotext(TOKEN, base_url=emulator.url) as client:
        (found,) = await DeadLetters(file).reconcile(client, settle=0)
    assert found.verdict == "unknown"
