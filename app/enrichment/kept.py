"""What is kept between leads: answers, and which providers fail. Questions are answered from here first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.enrichment.calls import Outcome, Question
from app.secrets import SecretBox
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Pool, transaction
from app.store.enrichment import answers, breakers, secrets
from app.store.enrichment.answers import QueryKey, StoredAnswer
from app.store.enrichment.breakers import Breaker

EXPIRED = "expired"
ASK_AGAIN_AT = 2 / 3
"""The part of its life after which an answer is asked for again, so that an outage does not lose it."""
MAX_OPEN = timedelta(days=1)
"""How long a provider may ask not to be called."""
PROBE_SECONDS = 30.0
"""After so long another call may try a provider, if nothing was heard of the last one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known about some questions when they came up."""

    keys: Mapping[bytes, QueryKey]
    stored: Mapping[QueryKey, StoredAnswer]
    breakers: Mapping[str, Breaker]
    hash_key: bytes
    now: datetime

    def key_of(self, question: Question) -> QueryKey:
        """Under which its answer is kept."""
        return self.keys[question.text]

    def breaker(self, question: Question) -> Breaker | None:
        """The row of its provider, if that failed last."""
        return self.breakers.get(question.asked.terms.name)

    def is_troubled(self, question: Question) -> bool:
        """Whether its provider failed last."""
        return self.breaker(question) is not None

    def outcome(self, question: Question) -> Outcome | None:
        """The kept answer, as long as it may be used."""
        stored = self.stored.get(self.key_of(question))
        if stored is None or stored.expires_at <= self.now:
            return None
        return Outcome(stored.kind, stored.values, stored.code)

    def ages(self, question: Question) -> bool:
        """Whether its kept answer is to be asked for again soon."""
        stored = self.stored.get(self.key_of(question))
        if stored is None or stored.kind != "found":
            return False
        return self.now - stored.asked_at > ASK_AGAIN_AT * (stored.expires_at - stored.asked_at)

    def told(self, question: Question, outcome: Outcome) -> Outcome:
        """The outcome as decisions show it: a value that is too old is told, and not used."""
        if outcome.code is None or outcome.kind == "refused":
            return outcome
        stored = self.stored.get(self.key_of(question))
        return replace(outcome, code=EXPIRED) if stored is not None and stored.kind == "found" else outcome


class Memory:
    """Reads and writes what is kept, in transactions of its own."""

    def __init__(self, pool: Pool, box: SecretBox | None) -> None:
        self._pool = pool
        self._box = box
        self._keys: dict[int, bytes] = {}

    async def read(self, workspace_id: int, questions: Sequence[Question]) -> Known:
        """What is known about questions."""
        key = self._keys.get(workspace_id) or await self._make_key(workspace_id)
        keys = {
            each.text: QueryKey(each.asked.terms.name, answers.keyed(key, each.text)) for each in questions
        }
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            stored = await answers.find_answers(connection, workspace_id, list(keys.values()))
            failing = await breakers.list_breakers(connection, workspace_id)
            now = await read_deciding_now(connection, workspace_id)
        return Known(keys, stored, failing, key, now)

    async def read_secrets(self, workspace_id: int, wanted: Mapping[str, str]) -> dict[str, str]:
        """The secrets of these names, if each was saved for its host."""
        if not wanted or self._box is None:
            return {}
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await secrets.find_secrets(connection, workspace_id, list(wanted))
        return {
            name: self._box.decrypt(each.secret).decode()
            for name, each in found.items()
            if each.host == wanted[name]
        }

    async def claim_probe(self, workspace_id: int, known: Known, question: Question) -> bool:
        """Take the one call that finds out whether its provider works again."""
        name = question.asked.terms.name
        until = known.now + timedelta(seconds=PROBE_SECONDS)
        async with transaction(self._pool, workspace_id) as connection:
            return await breakers.claim_probe(connection, workspace_id, name, known.now, until)

    async def keep(self, workspace_id: int, known: Known, question: Question, outcome: Outcome) -> None:
        """Keep what became of a call."""
        name, now, lives = question.asked.terms.name, known.now, _life(question, outcome)
        if outcome.code is None and not lives and not known.is_troubled(question):
            return
        async with transaction(self._pool, workspace_id) as connection:
            if outcome.kind == "failed" or outcome.kind == "denied" or outcome.kind == "later":
                limit, open_until = _opened(question, outcome, now)
                await breakers.note_failure(
                    connection,
                    workspace_id,
                    name,
                    outcome.code or outcome.kind,
                    now,
                    limit=limit,
                    open_until=open_until,
                    denied=outcome.kind == "denied",
                )
                return
            if known.is_troubled(question):
                await breakers.close_breaker(connection, workspace_id, name)
            if lives:
                person = question.person
                hashed = answers.keyed(known.hash_key, person.encode()) if person is not None else None
                kind = outcome.kind
                answer = StoredAnswer(kind, outcome.values, outcome.code, hashed, now, now + lives)
                await answers.keep_answer(connection, workspace_id, known.key_of(question), answer)

    async def _make_key(self, workspace_id: int) -> bytes:
        async with transaction(self._pool, workspace_id) as connection:
            key = await answers.ensure_key(connection, workspace_id)
        self._keys[workspace_id] = key
        return key


def _opened(question: Question, outcome: Outcome, now: datetime) -> tuple[int, datetime]:
    """After how many failures its provider is not called, and until when."""
    terms = question.asked.terms
    if outcome.kind == "failed":
        return terms.max_failures, now + terms.open_for
    wanted = timedelta(seconds=outcome.seconds) if outcome.seconds is not None else terms.open_for
    return 1, now + min(wanted, MAX_OPEN)


def _life(question: Question, outcome: Outcome) -> timedelta:
    """How long an answer is kept."""
    asked = question.asked
    if not asked.provider.cached or (asked.is_personal and question.person is None):
        return timedelta()
    if outcome.kind == "empty":
        return asked.terms.cache_empty
    # A refusal is no reason to ask again, even if answers are not to be kept.
    return asked.terms.cache or (asked.terms.cache_empty if outcome.kind == "refused" else timedelta())
