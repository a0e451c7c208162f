"""Asks the providers of a plan about leads, all at the same time and under one deadline."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from app.engine.model.enrichment_terms import EnrichmentTerms, ProviderTerms
from app.engine.model.filled import FilledField, with_filled
from app.enrichment.calls import Asked, Outcome, canonical
from app.enrichment.provider import Provider, Tools
from app.intake.filling import read_filled
from app.outbox.safe_http import SafeHttp

log = structlog.get_logger()
MAX_CALLS = 16
"""The calls to one provider of a workspace that a process has under way."""
MAX_KEPT = 1000

LATE, NOT_INSTALLED = "late", "not_installed"


@dataclass(slots=True)
class Enriched:
    """What was found out about one lead: fields, and why providers are missing, by their names."""

    filled: dict[str, FilledField] = field(default_factory=dict)
    degraded: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Question:
    """One query to one provider, and the leads that it is about."""

    asked: Asked
    query: Mapping[str, str]
    leads: list[int] = field(default_factory=list)


class Enricher:
    """Asks providers, for all workspaces of a process."""

    def __init__(self, providers: Mapping[str, Provider], http: SafeHttp | None) -> None:
        self._providers = providers
        self._http = http
        self._asked: dict[int, tuple[ProviderTerms, Asked | None]] = {}
        self._calls: dict[tuple[int, str], asyncio.Semaphore] = {}
        self._under_way: dict[tuple[int, str, bytes], asyncio.Task[Outcome]] = {}

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
        questions = self._questions(terms, leads, found)
        tasks = (
            {key: self._call(workspace_id, key, each) for key, each in questions.items()}
            if may_call and self._http is not None
            else {}
        )
        if tasks:
            await asyncio.wait(tasks.values(), timeout=seconds)
        for key, question in questions.items():
            task = tasks.get(key)
            name = question.asked.terms.name
            if task is None:
                continue
            outcome = task.result() if task.done() else Outcome("failed", code=LATE)
            for position in question.leads:
                answers[position][name] = outcome.values
                if outcome.code is not None:
                    found[position].degraded[name] = outcome.code
        for position, values in enumerate(leads):
            found[position].filled = _filled(terms, answers[position], values)
        return found

    def _questions(
        self, terms: EnrichmentTerms, leads: Sequence[Mapping[str, Any]], found: Sequence[Enriched]
    ) -> dict[tuple[str, bytes], _Question]:
        questions: dict[tuple[str, bytes], _Question] = {}
        for each in terms.providers:
            asked = self._as_used(each)
            for position, values in enumerate(leads):
                if asked is None:
                    found[position].degraded[each.name] = NOT_INSTALLED
                    continue
                query = asked.query(values)
                if query is not None:
                    key = (each.name, orjson.dumps(canonical(query)))
                    questions.setdefault(key, _Question(asked, query)).leads.append(position)
        return questions

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

    def _call(self, workspace_id: int, key: tuple[str, bytes], question: _Question) -> asyncio.Task[Outcome]:
        """The call under way for this query; a new one if there is none."""
        at = (workspace_id, *key)
        task = self._under_way.get(at)
        if task is None:
            task = asyncio.create_task(self._answer(workspace_id, question), name="call of a provider")
            self._under_way[at] = task
            task.add_done_callback(lambda _: self._under_way.pop(at, None))
        return task

    async def _answer(self, workspace_id: int, question: _Question) -> Outcome:
        limit = self._calls.setdefault(
            (workspace_id, question.asked.terms.name), asyncio.Semaphore(MAX_CALLS)
        )
        async with limit:
            return await question.asked.call(question.query, Tools(self._http or SafeHttp(), {}))

    async def close(self) -> None:
        """End the calls that are under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
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
