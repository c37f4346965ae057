"""From the columns of an input to the fields of an event or a profile: ``--map column=field``, ``--set field=value``.

Rules. A column that has a field's name is that field, unless it is mapped elsewhere. Any other column must
be mapped; ``--map column=`` leaves it out. ``a.b`` is key `b` of the object `a`. In a CSV an empty value is
absent, and a value that begins like JSON (``[``, ``{``) is JSON where the field takes an object or a list.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from ..errors import ConfigurationError, InvalidParameter

__all__ = ["FieldMap", "add_mapping_arguments", "pair"]

_NUMBERS: Final = frozenset({"amount"})


def pair(text: str) -> tuple[str, str]:
    """``name=value`` from the command line."""
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise argparse.ArgumentTypeError("expected name=value")
    return name.strip(), value.strip()


def add_mapping_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what the input's columns are."""
    parser.add_argument("--format", choices=["json", "csv"], help="default: by the file's name, else json")
    parser.add_argument(
        "--map", type=pair, action="append", default=[], metavar="COLUMN=FIELD",
        help="a column (or JSON key) is this field; nothing after the = leaves it out; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--set", type=pair, action="append", default=[], metavar="FIELD=VALUE",
        help="a field that the input does not have; may be repeated",
    )  # fmt: skip


class FieldMap:
    """What each column is. `known` are the fields that there are."""

    def __init__(
        self, columns: Iterable[tuple[str, str]], fixed: Iterable[tuple[str, str]], known: Collection[str], *, csv: bool
    ) -> None:
        self._columns = dict(columns)
        self._fixed = list(fixed)
        self._known = known
        self._csv = csv
        for option, names in (("--map", self._columns.values()), ("--set", [name for name, _ in self._fixed])):
            for name in names:
                if name and _top(name) not in known:
                    raise ConfigurationError(f"{option}: there is no field {_top(name)!r}")

    def check(self, header: Iterable[str]) -> None:
        """Raise ConfigurationError for a CSV's header that does not fit."""
        columns = list(header)
        if len(set(columns)) < len(columns):
            raise ConfigurationError("the CSV has two columns of one name")
        if missing := [name for name in self._columns if name not in columns]:
            raise ConfigurationError(f"--map: the CSV has no column {missing[0]!r}")
        strange = [name for name in columns if name not in self._columns and _top(name) not in self._known]
        if strange:
            hint = f"--map '{strange[0]}=FIELD', or --map '{strange[0]}=' to leave it out"
            raise ConfigurationError(f"column {strange[0]!r} is not the name of a field: {hint}")

    def apply(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The fields in a row. Raises InvalidParameter."""
        found: dict[str, Any] = {}
        for column, value in row.items():
            field = self._columns.get(column, column)
            if field and not (self._csv and value == ""):
                _put(found, field, _value(field, value) if self._csv else value)
        for field, value in self._fixed:
            _put(found, field, _value(field, value))
        return found


def _top(field: str) -> str:
    return field.partition(".")[0]


def _put(into: dict[str, Any], field: str, value: Any) -> None:
    *outer, name = field.split(".")
    for key in outer:
        inner = into.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InvalidParameter(_top(field), "both a value and an object")
        into = inner  # pyright: ignore[reportUnknownVariableType]
    into[name] = value


def _value(field: str, text: str) -> Any:
    if text[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise InvalidParameter(_top(field), "not JSON") from None
    if field in _NUMBERS:
        try:
            return float(text)
        except ValueError:
            raise InvalidParameter(field, "expected a number") from None
    return text
