"""The life of an event as a picture, drawn from the queue's own table: ``python -m tests.docs.life`` writes it.

Rules. The table determines what is drawn; only the positions of the states are set here. White behind it, for
both themes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hellotext_async.queue.entry import LIFE, OVER, State

FILE: Final = Path(__file__).parents[2] / "docs" / "img" / "life.svg"

PLACES: Final[dict[State, tuple[int, int]]] = {
    "offered": (80, 260), "pending": (220, 140), "stored": (270, 260), "aside": (400, 165), "queued": (480, 260),
    "in_flight": (660, 260), "delivered": (830, 260), "ended": (760, 60), "refused": (160, 380), "kept": (620, 380),
}  # fmt: skip
SIZE: Final = (900, 420)
_WIDE, _HIGH = 62, 19
_STYLE: Final = (
    "text{font:14px system-ui,sans-serif;text-anchor:middle;dominant-baseline:central;fill:#1c2b24}"
    "rect{fill:#fff;stroke:#2f6f4f;stroke-width:1.5}.over{fill:#e4efe9}"
    "path{fill:none;stroke:#6b7a73;stroke-width:1.2}.end{stroke:#b9c4be}marker path{fill:#6b7a73;stroke:none}"
)


def picture() -> str:
    """The SVG."""
    width, height = SIZE
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>The life of an event</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect width="{width}" height="{height}" style="stroke:none"/>',
        *_arrows(),
        *_states(),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _arrows() -> Iterator[str]:
    for state, following in LIFE.items():
        for other in sorted(following):
            (x1, y1), (x2, y2) = _edge(state, other), _edge(other, state)
            bend = _bend(state, other)
            middle = (x1 + x2) / 2 + bend * (y1 - y2), (y1 + y2) / 2 + bend * (x2 - x1)
            kind = ' class="end"' if other in ("kept", "refused") else ""
            yield (
                f'<path{kind} d="M{x1:.0f} {y1:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {x2:.0f} {y2:.0f}" '
                'marker-end="url(#head)"/>'
            )


def _bend(state: State, other: State) -> float:
    """How far an arrow bends: the two of a pair apart, the others hardly."""
    return 0.12 if state in LIFE[other] or PLACES[state][1] == PLACES[other][1] else 0.04


def _edge(state: State, towards: State) -> tuple[float, float]:
    """Where the line between two states crosses the first one's frame."""
    (x, y), (x2, y2) = PLACES[state], PLACES[towards]
    across, down = x2 - x, y2 - y
    share = min(_WIDE / abs(across) if across else 9, _HIGH / abs(down) if down else 9)
    return x + across * share, y + down * share


def _states() -> Iterator[str]:
    for state, (x, y) in PLACES.items():
        kind = ' class="over"' if state in OVER else ""
        yield (
            f'<rect{kind} x="{x - _WIDE}" y="{y - _HIGH}" width="{2 * _WIDE}" height="{2 * _HIGH}" rx="8"/>'
            f'<text x="{x}" y="{y}">{state.replace("_", " ")}</text>'
        )


if __name__ == "__main__":
    FILE.write_text(picture())
