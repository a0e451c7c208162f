"""Whether plugins have spoken about a job that is about to be decided."""

from dataclasses import replace
from datetime import datetime, timedelta

from app.dispatch.jobs.base import Job
from app.engine.compile.plan import Plan
from app.engine.model.decision import DecisionRequest
from app.engine.pipeline.decide import with_derived_fields

MAX_AGE = timedelta(minutes=1)
"""What plugins said so long before, or after, by the workspace's time, is asked again."""
MAX_CALLS = 2
"""So often plugins are asked about one job; then it is decided with what there is."""


class PluginResultMissing(Exception):
    """Plugins have to be asked about this lead, which is not done here: the gate is held."""

    def __init__(self, question: DecisionRequest) -> None:
        super().__init__(question.kind)
        self.question = question


def with_plugin_results(job: Job, question: DecisionRequest, plan: Plan, now: datetime) -> DecisionRequest:
    """The question with what plugins said about it.

    Raises NotAsked when any that may be heard has not spoken, or to another plan or at another time.
    """
    if not plan.plugin_steps or (question.to is not None and question.to.kind != "team"):
        return question
    told = job.advised if job.advised is not None and job.advised.plan_version == plan.version else None
    advice = told.by_step if told is not None else {}
    if job.asked < MAX_CALLS:
        whole = with_derived_fields(question, plan, now)
        steps = {step.name for step in plan.plugin_steps if step.may_hold(whole.values, now)}
        fresh = told is not None and abs(now - told.at) <= MAX_AGE
        if steps and not (fresh and advice.keys() >= steps):
            raise PluginResultMissing(whole)
    return replace(question, advice=advice)
