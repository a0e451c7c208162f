"""Compiles what a plan says about junk."""

from app.engine.model.junk import FLAG_ONLY, POINTS, SUBJECTS, JunkRules
from app.plan.document.junk import JunkSettings


def compile_junk(settings: JunkSettings | None) -> JunkRules:
    """The rules of a plan. Without settings, junk is scored and shown, and nothing follows."""
    if settings is None:
        return FLAG_ONLY
    velocity = settings.velocity
    limits = {} if velocity is None else {name: getattr(velocity.per, name) for name in SUBJECTS}
    return JunkRules(
        points={**POINTS, **{str(name): points for name, points in settings.points.items()}},
        block_at=settings.block_at,
        review_at=settings.review_at,
        queue=settings.queue,
        velocity={name: limit for name, limit in limits.items() if limit is not None},
        seconds=velocity.within.total_seconds() if velocity is not None else 0.0,
    )
