"""Whether plug-ins have spoken about a job that is about to be decided."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.dispatch.jobs.base import Job
from app.engine.compile.plan import Plan
from app.engine.model.decision import Question
from app.engine.pipeline.decide import asked

STALE = timedelta(minutes=1)
"""What plug-ins said so long before, or after, by the workspace's time, is asked again."""
MOST_ASKED = 2
"""So often plug-ins are asked about one job; then it is decided with what there is."""


class NotAsked(Exception):
    """Plug-ins have to be asked about this lead, which is not done here: the gate is held."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.kind)
        self.question = question


def advised(job: Job, question: Question, plan: Plan, now: datetime) -> Question:
    """The question with what plug-ins said about it.

    Raises NotAsked when any that may be heard has not spoken, or to another plan or at another time.
    """
    if not plan.plugged or (question.to is not None and question.to.kind != "team"):
        return question
    told = job.advised if job.advised is not None and job.advised.plan_version == plan.version else None
    advice = told.by_step if told is not None else {}
    if job.asked < MOST_ASKED:
        whole = asked(question, plan, now)
        steps = {step.name for step in plan.plugged if step.may_hold(whole.values, now)}
        fresh = told is not None and abs(now - told.at) <= STALE
        if steps and not (fresh and advice.keys() >= steps):
            raise NotAsked(whole)
    return replace(question, advice=advice)
