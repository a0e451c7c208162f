"""What the domain of an e-mail address says: a free provider, a relay, or a disposable mailbox."""

from functools import cache, lru_cache

from app.intake.domains import registrable
from app.intake.lists import read_words

FREE, DISPOSABLE, RELAY, LIST_CONFLICT = "free", "disposable", "relay", "list_conflict"
MISSPELLED = "misspelled"


@cache
def _free_mail() -> frozenset[str]:
    return read_words("free_mail.txt", "free_mail_overrides.txt")


@cache
def _disposable() -> frozenset[str]:
    return read_words("disposable.txt")


@cache
def _relays() -> frozenset[str]:
    return read_words("relays.txt")


@cache
def _misspelled() -> frozenset[str]:
    return read_words("misspelled_mail.txt")


def load_mail_domains() -> None:
    """Read the lists now, so that no decision waits for them."""
    for read in (_free_mail, _disposable, _relays, _misspelled):
        read()


# Most leads of a day share few domains.
@lru_cache(maxsize=4096)
def mail_classes(host: str) -> tuple[str, ...]:
    """The classes of a host in lower-case ASCII, as `contact.email_flags` shows them.

    The first list that has the host or a domain above it decides: relays, free mail, disposable mailboxes. A
    domain on the last two lists is free, and the conflict is shown. A usual misspelling of a free provider is
    free too: no company has its mail there.
    """
    if host in _misspelled():
        return (FREE, MISSPELLED)
    above = _with_parents(host)
    if not _relays().isdisjoint(above):
        return (RELAY,)
    disposable = not _disposable().isdisjoint(above)
    if not _free_mail().isdisjoint(above):
        return (FREE, LIST_CONFLICT) if disposable else (FREE,)
    return (DISPOSABLE,) if disposable else ()


def is_free_mail(domain: str) -> bool:
    """Whether this registrable domain belongs to a free mail provider, and so to no single company."""
    return domain in _free_mail() or domain in _misspelled()


def is_relay(host: str) -> bool:
    """Whether mail to this host is forwarded to people's own mailboxes, so that it is no company's."""
    return mail_classes(host) == (RELAY,)


def _with_parents(host: str) -> list[str]:
    """The host and the domains above it, down to the registrable one."""
    domain = registrable(host)
    if domain is None or domain == host:
        return [host]
    labels = host.removesuffix(domain).rstrip(".").split(".")
    return [".".join((*labels[position:], domain)) for position in range(len(labels) + 1)]
