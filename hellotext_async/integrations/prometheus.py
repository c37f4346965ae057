"""Prometheus: a collector over the figures of clients and queues. Needs the extra ``prometheus``."""

from __future__ import annotations

from collections.abc import Iterable

from ..client import Hellotext
from ..queue.queue import EventQueue
from ._extra import missing
from ._figures import FIGURES, Figure, Sources

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector
except ModuleNotFoundError:
    raise missing("prometheus", "prometheus") from None

__all__ = ["HellotextCollector"]

PREFIX = "hellotext_"


class HellotextCollector(Collector):
    """What ``client.rate()`` and ``queue.stats()`` say, at each scrape.

    >>> REGISTRY.register(HellotextCollector(client, orders=queue))

    A client brings all its queues; a queue given by keyword has that name as its label, others are
    numbered. Any thread may scrape it.
    """

    def __init__(self, *sources: Hellotext | EventQueue, **queues: EventQueue) -> None:
        self._sources = Sources(sources, queues)

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """The metrics without values."""
        return [_family(figure) for figure in FIGURES]

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """The metrics at this moment."""
        families = {figure: _family(figure) for figure in FIGURES}
        for figure, labels, value in self._sources.samples():
            families[figure].add_metric(labels, float(value))
        return families.values()


def _family(figure: Figure) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    name = PREFIX + figure.name + (f"_{figure.unit}" if figure.unit else "")
    return kind(name, figure.help, labels=figure.labels)
