"""Figures for Prometheus: of this process's requests, and of the installation."""

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ctm.metrics.installation import Installation

__all__ = ["CONTENT_TYPE", "note_request", "render"]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
METHODS = {"GET", "HEAD", "POST"}
SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

_process = CollectorRegistry()
ProcessCollector(registry=_process)
_requests = Histogram(
    "ctm_http_request_seconds",
    "Seconds until a request was answered, by route and status.",
    ("method", "route", "status"),
    buckets=SECONDS,
    registry=_process,
)


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request. ``route`` is a rule of the application, never an address as typed."""
    known = method if method in METHODS else "other"
    _requests.labels(known, route, str(status)).observe(seconds)


def render() -> bytes:
    """All figures, in Prometheus' text format."""
    installation = CollectorRegistry()
    installation.register(Installation())
    return generate_latest(_process) + generate_latest(installation)
