"""`score`: points add up to a band, which labels the lead and may send it somewhere."""

from collections.abc import Mapping
from typing import Any

from app.engine.model import Verdict
from app.engine.scoring import Scoring
from app.engine.state import Facts
from app.plan.schema import PlanDocument
from app.plan.scoring import ScoreConfig


class Score:
    """Labels the lead with its band and its points; goes on unless the band says where it goes."""

    name = "score"
    Config = ScoreConfig

    def ready(self, config: ScoreConfig, document: PlanDocument) -> Scoring:
        """The model compiled, once for a plan."""
        return Scoring(config, document.scores)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Scoring) -> Verdict:
        """The band's targets, if it has any; the labels either way."""
        scored = config.score(values, facts.now)
        labels = {"band": scored.band, "scores": scored.points}
        return Verdict("score" if scored.targets else "labelled", scored.targets, labels)
