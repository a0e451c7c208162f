"""Reading what `GET /metrics` shows."""

from prometheus_client.parser import text_string_to_metric_families


def sample(text: str, name: str, **labels: str) -> float | None:
    """The value of the one series with this name and these labels, whatever other labels it has."""
    found = samples(text, name, **labels)
    assert len(found) <= 1, found
    return next(iter(found.values()), None)


def samples(text: str, name: str, **labels: str) -> dict[tuple[str, ...], float]:
    """The values of series by their other labels, in the order of the names, without the workspace."""
    return {
        tuple(value for label, value in sorted(each.labels.items()) if label not in {*labels, "workspace"}): (
            each.value
        )
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == name and labels.items() <= each.labels.items()
    }
