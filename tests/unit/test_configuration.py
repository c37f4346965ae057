"""A client's settings are checked when they are given and named in errors; a client shows its name and origin."""

from __future__ import annotations

import gc
import ssl
import warnings
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import Hellotext, Limits, Retry, SqliteSpool, Timeouts
from hellotext_async.config import Options
from hellotext_async.errors import ConfigurationError, WrongLoop

HUGE = 10**400


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeouts": 3}, {"timeouts": 0}, {"retry": 3}, {"retry": 0}, {"retry": Timeouts()}, {"limits": 100}, {"limits": 0},
        {"ssl": False}, {"ssl": True}, {"ssl": "cert.pem"},
        {"proxy": "nonsense"}, {"proxy": ""}, {"proxy": 3128}, {"proxy": "socks5://x"}, {"proxy": "http://"},
        {"proxy": "http://x:99999"}, {"proxy": "http://x:0"}, {"proxy": "http://x\r\n"}, {"proxy": "http://[x"},
        {"enabled": "no"}, {"enabled": 1}, {"enabled": None}, {"allow_http": "no"}, {"idempotency_keys": "off"},
        {"event_format": "xml"}, {"event_format": None}, {"event_format": []}, {"on_throttle": 5},
        {"base_url": 5}, {"base_url": b"https://x"},
        {"name": ""}, {"name": 5}, {"name": " x"}, {"name": "a\nb"}, {"name": "x" * 65}, {"name": "\u2028"},
        {"business_id": 5}, {"business_id": ""},
    ],
    ids=repr,
)  # fmt: skip
def test_a_bad_setting_of_a_client_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """ConfigurationError, when the client is made."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
        Hellotext("t", **wrong)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Timeouts, {"connect": "x"}), (Timeouts, {"read": True}), (Timeouts, {"total": HUGE}), (Timeouts, {"total": -1}),
        (Timeouts, {"read": float("nan")}), (Timeouts, {"read": float("inf")}),
        (Retry, {"attempts": "x"}), (Retry, {"attempts": True}), (Retry, {"attempts": 1.5}), (Retry, {"deadline": "x"}),
        (Retry, {"base": 0}), (Retry, {"cap": []}),
        (Limits, {"rate": "x"}), (Limits, {"rate": True}), (Limits, {"concurrency": "x"}), (Limits, {"concurrency": 0}),
        (Limits, {"response_bytes": 0.5}),
    ],
    ids=repr,
)  # fmt: skip
def test_a_bad_number_is_refused_by_name(kind: Any, wrong: dict[str, Any]) -> None:
    """Neither a bool nor a text is a number."""
    with pytest.raises(ConfigurationError, match=f"^{kind.__name__}.{next(iter(wrong))}: expected"):
        kind(**wrong)


@pytest.mark.parametrize("wrong", [{"wait": "x"}, {"wait": True}, {"wait": -1}, {"wait": HUGE}, {"retry": 3}])
def test_a_bad_option_of_a_view_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """By `with_options`, and by the options themselves."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
        Hellotext("t").with_options(**wrong)
    with pytest.raises(ConfigurationError):
        Options(**wrong)


@pytest.mark.parametrize("deadline", ["x", 0, True, float("nan")])
def test_a_bad_deadline_is_refused_by_name(deadline: Any) -> None:
    """It belongs to the retry policy."""
    with pytest.raises(ConfigurationError, match="deadline: expected"):
        Hellotext("t").with_options(deadline=deadline)


def test_a_bad_concurrency_of_a_queue_is_refused_by_name() -> None:
    """Also a value that cannot be compared with the client's."""
    with pytest.raises(ConfigurationError, match="concurrency: expected"):
        Hellotext("t").event_queue(concurrency="x")  # type: ignore[arg-type]


def test_a_proxy_that_is_refused_is_not_shown() -> None:
    """Its URL may contain a password."""
    with pytest.raises(ConfigurationError) as caught:
        Hellotext("t", proxy="socks5://user:hunter2@proxy.example")
    assert "hunter2" not in str(caught.value)


def test_good_settings_are_taken() -> None:
    """A context, a proxy with a password, numbers of either kind, a name that is not ASCII."""
    context = ssl.create_default_context()
    client = Hellotext("t", ssl=context, proxy="http://user:word@proxy.example:3128", name="Café 日本", enabled=False,
                       timeouts=Timeouts(connect=1, read=1.5), retry=Retry(attempts=1), limits=Limits(rate=0.5))  # fmt: skip
    assert client.name == "Café 日本"


def test_a_client_shows_its_name() -> None:
    """The repr distinguishes it from other clients."""
    assert repr(Hellotext("t", base_url="https://x", name="greens")) == "Hellotext('https://x', name='greens')"
    assert repr(Hellotext("t", base_url="https://x")) == "Hellotext('https://x')"


async def test_a_forgotten_client_is_named_with_the_place_where_it_was_made() -> None:
    """The ResourceWarning points at the line that made the client."""
    client = Hellotext("t", enabled=False, name="greens")
    line = test_a_forgotten_client_is_named_with_the_place_where_it_was_made.__code__.co_firstlineno + 2
    await client.open()
    with pytest.warns(ResourceWarning, match=rf"'greens', made at \S*test_configuration\.py:{line}, was not closed"):
        del client
        gc.collect()


def test_a_client_that_was_never_opened_is_forgotten_in_silence() -> None:
    """It holds no connection."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Hellotext("t")
        gc.collect()


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": "x"}, {"max_bytes": 0}, {"concurrency": "x"}, {"ordering": "x"}, {"strict_order": "no"},
        {"delivery": "x"}, {"delivery_timeout": "x"}, {"buffer": "x.db"}, {"dead_letters": 5}, {"on_outcome": 5},
        {"priority": "x"}, {"transport": "x"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_bad_setting_of_a_queue_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """When it is made."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
        Hellotext("t").event_queue(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": "x"},
        {"window": -1},
        {"durability": "x"},
        {"max_bytes": 0},
        {"dead_letters": 5},
        {"path": 5},
        {"path": ""},
    ],
    ids=repr,
)
def test_a_bad_setting_of_a_spool_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """When it is made, in a folder too."""
    for make in (SqliteSpool, SqliteSpool.in_folder):
        with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
            make(**{"path": "x.db", **wrong})


@pytest.mark.parametrize("name", ["missing/letters", "", "file/letters"])
async def test_dead_letters_that_cannot_be_written_are_refused_when_the_queue_opens(tmp_path: Path, name: str) -> None:
    """The folder is missing, the path is a folder, or its parent is a file."""
    (tmp_path / "file").touch()
    async with Hellotext("t", enabled=False) as client:
        with pytest.raises(ConfigurationError, match=r"^dead_letters: .* cannot be opened"):
            await client.event_queue(dead_letters=tmp_path / name).open()


def test_without_a_loop_of_asyncio_a_client_says_so() -> None:
    """As in a program of trio's."""
    with pytest.raises(WrongLoop, match="asyncio"):
        Hellotext("t").open().send(None)
