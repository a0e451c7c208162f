"""Plays the simulated week: the clock moves, leads come, people work, and the server does the rest."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from app.cli.week import world
from app.cli.week.arrivals import arrivals, spend_rows
from app.cli.week.client import Client
from app.cli.week.habits import Step, steps_of

TICK = timedelta(minutes=15)
LONG_TICK = timedelta(hours=1)
"""The step of the clock while nobody works."""
STANDING_STILL = 1e-6
"""The speed of the clock between two steps, as slow as a server allows."""
SETTLE_SECONDS = 20.0
POLL_SECONDS = 0.02
LEAVES = (("ben", 2, 4, {"owner": "cem"}), ("hana", 3, 5, {"team": "new-york"}))
"""Who is away, from the beginning of which day until the beginning of which, and who covers for them."""
LEAVER = ("quin", 3)
"""Who leaves for good, and on which day."""
MAX_PAGE = 1000


@dataclass(slots=True)
class Assignment:
    """An open assignment as its owner works on it."""

    owner: str
    steps: list[Step]
    worked: timedelta = timedelta()


@dataclass(slots=True)
class Week:
    """One run. The same seed sends the same leads, and people do the same with them."""

    client: Client
    seed: int
    start: datetime
    days: int
    leads: int
    counts: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    revenue: int = 0
    now: datetime = field(init=False)
    _people: dict[str, world.Person] = field(default_factory=world.people)
    _working_on: dict[str, Assignment] = field(default_factory=dict)
    _emails: dict[str, str] = field(default_factory=dict)
    _assignments_of: Counter[str] = field(default_factory=Counter)
    _coming: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.start
        self._coming = arrivals(self._rng("arrivals"), self.start, self.days, self.leads)

    @property
    def end(self) -> datetime:
        """When the week is over."""
        return self.start + timedelta(days=self.days)

    def play(self) -> Iterator[timedelta]:
        """Play until the end. Yields the time that has passed, step by step."""
        self._set_clock()
        world.build(self.client)
        while self.now < self.end:
            step = min(TICK if self._on_shift() else LONG_TICK, self.end - self.now)
            self.now += step
            self._set_clock()
            self._settle()
            self._leave(step)
            self._work(step)
            self._claim()
            self._receive()
            self._execute()
            yield step
        self.client.put("/spend", {"rows": spend_rows(self.start, self.days)})
        self.client.put("/dev/clock", {"speed": 1.0})

    def _rng(self, *names: object) -> Random:
        return Random(f"{self.seed} {' '.join(map(str, names))}")  # noqa: S311 - a story, not a secret

    def _set_clock(self) -> None:
        self.client.put("/dev/clock", {"at": self.now.isoformat(), "speed": STANDING_STILL})

    def _settle(self) -> None:
        """Wait until the server has done what is due by now."""
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            late = [
                value for name, value in self.client.gauges().items() if name.endswith("_overdue_seconds")
            ]
            if max(late, default=0) <= 0:
                return
            time.sleep(POLL_SECONDS)
        self.counts["steps that were not done in time"] += 1

    def _on_shift(self) -> list[str]:
        """Who works now, and is not away."""
        return [
            name
            for name, person in self._people.items()
            if person.works_at(self.now) and self._is_there(name)
        ]

    def _is_there(self, name: str) -> bool:
        day = (self.now - self.start) / timedelta(days=1)
        away = any(owner == name and first <= day < last for owner, first, last, _ in LEAVES)
        return not away and not (name == LEAVER[0] and day >= LEAVER[1])

    def _leave(self, step: timedelta) -> None:
        """Absences are entered at noon of the day before; who leaves for good is deactivated."""
        for owner, first, last, cover in LEAVES:
            begins = self.start + timedelta(days=first)
            if self._reached(begins - timedelta(hours=12), step) and begins < self.end:
                ends = self.start + timedelta(days=last)
                body = {
                    "from": begins.isoformat(),
                    "to": ends.isoformat(),
                    "cover": cover,
                    "open_leads": "move",
                }
                self.client.post(f"/owners/{owner}/absences", body)
                self.counts["leaves"] += 1
        owner, day = LEAVER
        if self._reached(self.start + timedelta(days=day), step):
            self._send("PATCH", f"/owners/{owner}", {"active": False, "open_leads": "move"})
            self.counts["owners who left"] += 1

    def _reached(self, at: datetime, step: timedelta) -> bool:
        return self.now - step < at <= self.now

    def _work(self, step: timedelta) -> None:
        """Everybody on shift works on their open leads for the length of this step."""
        present = set(self._on_shift())
        events = []
        for each in self._open():
            assignment = self._known(each)
            if assignment is None or assignment.owner not in present:
                continue
            assignment.worked += step
            while assignment.steps and timedelta(minutes=assignment.steps[0].minutes) <= assignment.worked:
                events.append((each["assignment_id"], assignment, assignment.steps.pop(0)))
        for start in range(0, len(events), MAX_PAGE):
            self._report(events[start : start + MAX_PAGE])

    def _open(self) -> Iterator[dict[str, Any]]:
        after: str | None = "0"
        while after is not None:
            page = self.client.get("/assignments", limit=MAX_PAGE, after=after)
            yield from page["items"]
            after = page["next"]

    def _known(self, each: dict[str, Any]) -> Assignment | None:
        """The assignment as its owner works on it; nobody works on a lead without an owner."""
        if each["owner"] is None:
            return None
        found = self._working_on.get(each["assignment_id"])
        if found is None:
            # A lead that was there before the week began is known by its id alone.
            person = self._emails.get(each["lead_id"], each["lead_id"])
            self._assignments_of[person] += 1
            rng = self._rng(person, self._assignments_of[person])
            steps = steps_of(rng, is_customer=each["team"] == world.CUSTOMER_TEAM)
            found = self._working_on[each["assignment_id"]] = Assignment(each["owner"], steps)
        return found

    def _report(self, events: list[tuple[str, Assignment, Step]]) -> None:
        items = [
            {"assignment_id": id_, "type": step.type, "by": assignment.owner, **step.fields}
            for id_, assignment, step in events
        ]
        answers = self.client.post("/events", {"items": items})["items"]
        for (_, assignment, step), answer in zip(events, answers, strict=True):
            if answer["status"] >= 300:
                code = answer["problem"]["code"]
                self.counts[f"events refused: {code}"] += 1
                assignment.steps.clear()
                continue
            self.counts[step.type] += 1
            if step.type == "purchase":
                self.revenue += step.fields["amount"]

    def _claim(self) -> None:
        """Some of the claiming team take a lead from the queue of partners."""
        present = set(self._on_shift())
        for owner in world.members(world.CLAIMING_TEAM):
            if owner in present and self._rng("claim", owner, self.now).random() < 0.25:
                status, _ = self._send("POST", f"/queues/{world.PARTNER_QUEUE}/claim", {"owner_id": owner})
                self.counts["claims"] += status < 300

    def _receive(self) -> None:
        """The leads that came since the last step."""
        ripe = [lead for at, lead in self._coming if at <= self.now]
        del self._coming[: len(ripe)]
        for start in range(0, len(ripe), MAX_PAGE):
            items = [{"lead": lead} for lead in ripe[start : start + MAX_PAGE]]
            answers = self.client.post("/assign/batch", {"items": items})["items"]
            for item, answer in zip(items, answers, strict=True):
                self.counts["leads sent"] += 1
                decision = answer.get("decision")
                if decision is None:
                    self.counts[f"leads refused: {answer['problem']['code']}"] += 1
                    continue
                self._emails[decision["lead_id"]] = item["lead"]["email"]
                self.counts["came again"] += decision["existing_lead"] is not None
                self.counts[decision["outcome"]] += 1

    def _execute(self) -> None:
        """An executor takes the actions that have become available. Here it only counts them."""
        leased = self.client.post("/actions/lease", {"limit": MAX_PAGE, "seconds": 3600})["items"]
        if leased:
            items = [{"id": action["id"], "token": action["token"]} for action in leased]
            self.client.post("/actions/ack", {"items": items})
        for action in leased:
            self.actions[action["type"]] += 1
            if action["type"] == "notify":
                self.notices[action["params"].get("code", "other")] += 1

    def _send(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        return self.client.send(method, path, body)


def next_monday(at: datetime) -> datetime:
    """The first midnight (UTC) of a Monday after a time."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=7 - midnight.weekday())
