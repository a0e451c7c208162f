"""The company behind an address: whether people of one domain are colleagues."""

from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

from publicsuffixlist import PublicSuffixList

from app.engine.model.lead_keys import COMPANY, LeadKey
from app.intake.domains import is_public_suffix, registrable
from app.intake.mail_domains import mail_classes
from app.values.company_names import company_name

MAX_NAMES = 20
"""A domain whose people name more companies than this belongs to no single one."""
_TENANTS = ("onmicrosoft.com", "mail.onmicrosoft.com")
"""Domains of mail providers under which each customer has a name, besides the private public suffixes."""
_SCHOOL_LABELS = frozenset(("edu", "ac", "k12", "sch", "school", "schule", "univ"))
_SCHOOL_PREFIXES = ("uni-", "tu-", "fh-", "th-", "hs-", "fu-", "hu-", "ph-", "univ-", "u-")
_SCHOOL_WORDS = (
    "university", "universitaet", "universitat", "universite", "universidad", "universita", "uniwersytet",
    "hochschule", "college", "rwth",
)  # fmt: skip
_NAME_DIGITS = 16


@cache
def _icann() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)


def load_icann_suffixes() -> None:
    """Read the list now. The first lead would wait for it, and with it everybody else."""
    _icann()


def company_domain(values: Mapping[str, Any], *, education: bool = False) -> str | None:
    """The domain that a lead's address shares with colleagues; None if strangers may share it.

    `education` says that people of schools and universities are colleagues too.
    """
    host = values.get("email_domain")
    if not isinstance(host, str) or "email_malformed" in values.get("flags", ()):
        return None
    domain = _of_host(host)
    return None if domain is None or (not education and is_education(domain)) else domain


def company_key(values: Mapping[str, Any], *, education: bool = False) -> LeadKey | None:
    """The key of a lead's company, with a hash of the company's name for its source."""
    domain = company_domain(values, education=education)
    if domain is None:
        return None
    name = company_name(values.get("company"), values.get("country"))
    hashed = sha256(name.key.encode()).hexdigest()[:_NAME_DIGITS] if name is not None else ""
    return LeadKey(COMPANY, domain, hashed)


@lru_cache(maxsize=4096)
def is_education(domain: str) -> bool:
    """Whether a registrable domain belongs to a school or university, as far as its name tells."""
    labels = domain.split(".")
    if labels[-1] == "edu" or not _SCHOOL_LABELS.isdisjoint(labels[1:]):
        return True
    name = labels[0]
    return name.startswith(_SCHOOL_PREFIXES) or any(word in name for word in _SCHOOL_WORDS)


@lru_cache(maxsize=4096)
def _of_host(host: str) -> str | None:
    domain = registrable(host)
    if domain is None or mail_classes(host) or mail_classes(domain):
        return None
    if any(host == tenant or host.endswith(f".{tenant}") for tenant in _TENANTS):
        return None
    # Below a private suffix the domain that ICANN's suffixes give is the provider's.
    if is_public_suffix(domain) or _icann().privatesuffix(domain) != domain:
        return None
    return domain
