"""The channel of a source, a medium and a campaign."""

from collections.abc import Iterator

from app.intake.arrival import normalize
from bench.quality.measures import Measure, Outcome, measure, read_labels


def channels() -> Iterator[Measure]:
    """By the text of the published rules."""
    yield measure("channel: by the text of the rules", _labeled(), 0.95, 0.95)


def _labeled() -> Iterator[Outcome]:
    for source, medium, campaign, channel in read_labels("channels.tab"):
        sent = {"source": source, "medium": medium, "campaign": campaign}
        tags = {name: value for name, value in sent.items() if value}
        lead = {"company": "ACME", "utm": tags, "landing_page": "https://firma.example/"}
        yield channel, normalize(lead).values["attribution"]["channel"]
