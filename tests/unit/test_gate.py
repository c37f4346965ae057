"""The gate that a throttle closes: how long nothing could be sent."""

from __future__ import annotations

from hellotext_async._policy.gate import Gate


def test_a_probe_in_flight_keeps_the_gate_closed() -> None:
    """Until it ends, once: an end of an unknown probe has no effect."""
    gate = Gate()
    gate.begin_probe(1.0)
    assert not gate.open
    gate.end_probe(3.5)
    gate.end_probe(9.0)
    assert gate.open
    assert (gate.take_shut(), gate.take_shut()) == (2.5, 0.0)
