"""Asks the providers of a plan about leads, all at the same time and under one deadline.

What is known is read first, in one transaction. An answer is kept before the next lead can ask the same.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from app.engine.model.enrichment_terms import EnrichmentTerms, ProviderTerms
from app.engine.model.filled import FilledField, with_filled
from app.enrichment.calls import Asked, Outcome, Question, canonical
from app.enrichment.kept import Known, Memory
from app.enrichment.provider import Provider, Tools
from app.errors import SecretsKeyMissing, SecretUnreadable
from app.intake.filling import read_filled
from app.metrics.enrichment import EnrichmentMetrics
from app.outbox.safe_http import SafeHttp
from app.secrets import SecretBox
from app.store.connection.pool import Pool
from app.store.enrichment.answers import QueryKey

log = structlog.get_logger()
MAX_CALLS = 16
"""The calls to one provider of a workspace that a process has under way."""
MAX_KEPT = 1000

LATE, NOT_INSTALLED, NOT_CALLED = "late", "not_installed", "not_called"
SECRET_UNREADABLE = "secret_unreadable"


@dataclass(slots=True)
class Enriched:
    """What was found out about one lead: fields, and why providers are missing, by their names."""

    filled: dict[str, FilledField] = field(default_factory=dict)
    degraded: dict[str, str] = field(default_factory=dict)


class Enricher:
    """Asks providers, for all workspaces of a process. Without `http` it calls nobody."""

    def __init__(
        self,
        pool: Pool,
        providers: Mapping[str, Provider],
        http: SafeHttp | None,
        box: SecretBox | None,
        metrics: EnrichmentMetrics,
    ) -> None:
        self._metrics = metrics
        self._providers = providers
        self._http = http
        self._memory = Memory(pool, box)
        self._asked: dict[int, tuple[ProviderTerms, Asked | None]] = {}
        self._calls: dict[tuple[int, str], asyncio.Semaphore] = {}
        self._under_way: dict[tuple[int, QueryKey], asyncio.Task[Outcome]] = {}

    async def find_out(
        self,
        workspace_id: int,
        terms: EnrichmentTerms,
        leads: Sequence[Mapping[str, Any]],
        seconds: float,
        *,
        may_call: bool,
    ) -> list[Enriched]:
        """What providers know about leads, in their order. They wait so many seconds at most.

        Without `may_call` only answers count that are kept.
        """
        found = [Enriched() for _ in leads]
        answers: list[dict[str, Mapping[str, Any]]] = [{} for _ in leads]
        until = asyncio.get_running_loop().time() + seconds
        questions = self._questions(terms, leads, found)
        if questions:
            outcomes = await self._ask(workspace_id, questions, until, may_call=may_call)
            for question, outcome in zip(questions, outcomes, strict=True):
                name = question.asked.terms.name
                for position in question.leads:
                    answers[position][name] = outcome.values
                    if outcome.code is not None:
                        found[position].degraded[name] = outcome.code
        for position, values in enumerate(leads):
            found[position].filled = _filled(terms, answers[position], values)
        return found

    async def _ask(
        self,
        workspace_id: int,
        questions: Sequence[Question],
        until: float,
        *,
        may_call: bool,
    ) -> list[Outcome]:
        """The outcomes of questions, in their order."""
        known = await self._memory.read(workspace_id, questions)
        outcomes: list[Outcome | None] = [known.outcome(question) for question in questions]
        tasks: dict[int, asyncio.Task[Outcome]] = {}
        probed: dict[str, bool] = {}
        for position, question in enumerate(questions):
            if not may_call or self._http is None:
                continue
            if outcomes[position] is None:
                held = await self._held_back(workspace_id, known, question, probed)
                if held is not None:
                    outcomes[position] = held
                else:
                    tasks[position] = self._call(workspace_id, known, question)
            elif known.ages(question) and not known.is_troubled(question):
                self._call(workspace_id, known, question)  # nobody waits for it
        for position, outcome in enumerate(outcomes):
            if outcome is not None:
                kind = "held_back" if outcome.kind == "failed" else outcome.kind
                self._metrics.not_called(questions[position].asked.terms.provider, kind)
        if tasks:
            left = until - asyncio.get_running_loop().time()
            await asyncio.wait(tasks.values(), timeout=max(0.0, left))
        for position, task in tasks.items():
            outcomes[position] = task.result() if task.done() else Outcome("failed", code=LATE)
        return [
            known.told(question, outcome or Outcome("failed", code=NOT_CALLED))
            for question, outcome in zip(questions, outcomes, strict=True)
        ]

    async def _held_back(
        self, workspace_id: int, known: Known, question: Question, probed: dict[str, bool]
    ) -> Outcome | None:
        """Why a provider is not called now; None if it is. Of all processes one makes the first call."""
        breaker = known.breaker(question)
        if breaker is None or breaker.open_until is None:
            return None
        if not breaker.is_open(known.now):
            name = question.asked.terms.name
            if probed.get(name) is None:
                probed[name] = await self._memory.claim_probe(workspace_id, known, question)
                if probed[name]:
                    return None
        return Outcome("failed", code=breaker.code)

    def _questions(
        self, terms: EnrichmentTerms, leads: Sequence[Mapping[str, Any]], found: Sequence[Enriched]
    ) -> list[Question]:
        questions: dict[tuple[str, bytes], Question] = {}
        for each in terms.providers:
            asked = self._as_used(each)
            if asked is None:
                for enriched in found:
                    enriched.degraded[each.name] = NOT_INSTALLED
                continue
            for position, values in enumerate(leads):
                query = asked.query(values)
                if query is not None:
                    person = asked.person_of(values)
                    # What is asked about a person is shared with no other person.
                    text = orjson.dumps([asked.identity, canonical(query), person])
                    question = questions.setdefault((each.name, text), Question(asked, query, text, person))
                    question.leads.append(position)
        return list(questions.values())

    def _as_used(self, terms: ProviderTerms) -> Asked | None:
        """The provider with its settings; None when it is no longer installed, or can no longer read them."""
        known = self._asked.get(id(terms))
        if known is not None and known[0] is terms:
            return known[1]
        provider = self._providers.get(terms.provider)
        asked = None
        if provider is not None:
            try:
                asked = Asked(terms, provider, provider.Config.model_validate(terms.settings))
            except ValueError:
                log.error("provider cannot read its settings", provider=terms.provider)
        if len(self._asked) >= MAX_KEPT:
            self._asked.clear()
        self._asked[id(terms)] = (terms, asked)
        return asked

    def _call(self, workspace_id: int, known: Known, question: Question) -> asyncio.Task[Outcome]:
        """The call under way for this query; a new one if there is none. It ends when its answer is kept."""
        at = (workspace_id, known.key_of(question))
        task = self._under_way.get(at)
        if task is None:
            task = asyncio.create_task(self._answer(workspace_id, known, question), name="call of a provider")
            self._under_way[at] = task
            task.add_done_callback(lambda _: self._under_way.pop(at, None))
        return task

    async def _answer(self, workspace_id: int, known: Known, question: Question) -> Outcome:
        name = question.asked.terms.name
        limit = self._calls.setdefault((workspace_id, name), asyncio.Semaphore(MAX_CALLS))
        async with limit:
            outcome = await self._call_with_secrets(workspace_id, question)
        try:
            await self._memory.keep(workspace_id, known, question, outcome)
        except Exception as error:
            # The answer itself is good; it is asked for again next time.
            log.error("answer not kept", provider=question.asked.terms.provider, error=type(error).__name__)
        return outcome

    async def _call_with_secrets(self, workspace_id: int, question: Question) -> Outcome:
        try:
            secrets = await self._memory.read_secrets(workspace_id, question.asked.secrets)
        except (SecretsKeyMissing, SecretUnreadable):
            return Outcome("denied", code=SECRET_UNREADABLE)
        started = time.perf_counter()
        outcome = await question.asked.call(question.query, Tools(self._http or SafeHttp(), secrets))
        seconds = time.perf_counter() - started
        self._metrics.called(question.asked.terms.provider, outcome.kind, seconds)
        return outcome

    async def close(self) -> None:
        """End the calls that are under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _filled(
    terms: EnrichmentTerms, answers: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]
) -> dict[str, FilledField]:
    """The fields that answers fill. Where several have a value, the first provider counts."""
    filled: dict[str, FilledField] = {}
    for each in terms.providers:
        answer = answers.get(each.name)
        if answer:
            filled |= read_filled(answer, each.name, with_filled(values, filled))
    return filled
