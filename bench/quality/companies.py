"""Accounts that are found by the name of a company."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from app.engine.model.accounts import Account, AccountKey, Accounts, MatchSettings
from app.intake.account_match import match_account, with_names
from app.intake.accounts import name_keys
from bench.quality.measures import Measure, Outcome, measure, read_labels
from bench.quality.variants import KINDS, variants

LEAST_PRECISION, LEAST_RECALL = 0.97, 0.85
_SEED = 20261130


class Directory:
    """Accounts with the words by which their names are found, as the store has them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._accounts = {id_: Account(id_, name=name) for id_, name in names.items()}
        self._by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
        for id_, name in names.items():
            for key in name_keys(name):
                self._by_key[key.kind, key.value].append(id_)

    def match(self, company: str) -> str | None:
        """The account that a lead with nothing but this company belongs to."""
        ids = dict.fromkeys(
            id_ for key in name_keys(company) for id_ in self._by_key.get((key.kind, key.value), ())
        )
        keys: Sequence[AccountKey] = with_names((), ids)
        found = Accounts({("id", id_): [self._accounts[id_]] for id_ in ids})
        match = match_account({"company": company}, keys, found, MatchSettings())
        return match.account.id if match is not None and match.account is not None else None


def companies(step: int = 1) -> Iterator[Measure]:
    """By real names, and by names that a program wrote in other ways: those of each company, or of a few."""
    registered = dict(read_labels("companies.tab"))
    directory = Directory(registered)
    listed = [(name, id_ or None) for name, id_ in read_labels("sp500.tab")]
    yield measure(
        "account by name: the S&P 500 among companies of the SEC",
        ((truth, directory.match(name)) for name, truth in listed),
        LEAST_PRECISION,
        LEAST_RECALL,
    )
    written = list(_written(registered, step))
    yield measure(
        "account by name: written in other ways", (each for _, each in written), LEAST_PRECISION, LEAST_RECALL
    )
    for kind in KINDS:
        yield measure(f"– {kind}", (each for of, each in written if of == kind))
    pairs = list(read_labels("scripts.tab"))
    both = Directory({str(at): name for at, (name, _) in enumerate(pairs)})
    yield measure(
        "account by name: in another script",
        ((str(at), both.match(name)) for at, (_, name) in enumerate(pairs)),
    )


def _written(names: Mapping[str, str], step: int) -> Iterator[tuple[str, Outcome]]:
    """Every second company has an account; the names of the others must find none."""
    known = {id_: name for id_, name in names.items() if int(id_) % 2}
    directory = Directory(known)
    for id_, name in list(names.items())[::step]:
        for kind, variant in variants(name, _SEED + int(id_)):
            yield kind, (id_ if id_ in known else None, directory.match(variant))
