"""What the names and labels of fields mean, in many languages."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from app.forms.vendors.label_words import AROUND, MORE_NAMES
from app.intake.headers import FULL_NAME, fold_name, guess_field
from app.plan.language.click_ids import CLICK_IDS
from app.values.folding import fold

_NAMED: Final = """
email phone first_name last_name name title company website country state city postal_code
language industry employees annual_revenue product_interest lead_type channel source campaign
referrer pages
"""
_BY_NAME_ALONE: Final = frozenset(_NAMED.split())
"""What a name or label may mean without a mapping."""
_EXTRA: Final = {
    spelled: meaning
    for meaning, words in MORE_NAMES.items()
    for word in words.split(",")
    for spelled in (fold_name(word), fold_name(fold(word)))
}
_FILLER: Final = frozenset(AROUND.split())
_UTM: Final = re.compile(r"(?:hidden )?utm ?(source|medium|campaign|term|content|id)")
_CLICK_NAMES: Final = {
    "gcl_id": "gclid", "google_click_id": "gclid", "google_ads_click_id": "gclid",
    "adwords_click_id": "gclid",
    "facebook_click_id": "fbclid", "meta_click_id": "fbclid", "microsoft_click_id": "msclkid",
    "bing_click_id": "msclkid", "tiktok_click_id": "ttclid", "linkedin_click_id": "li_fat_id",
    "lifatid": "li_fat_id",
}  # fmt: skip
"""What the id of a click is also called."""
_NUMBER_BEHIND: Final = re.compile(r" ?[0-9]{1,4}$")
E_MAIL: Final = re.compile(r"\be mail")
_PARTS: Final = re.compile(r"[/|(),:;–—]|\s-\s|\bor\b|\boder\b|\bou\b", re.IGNORECASE)
_NAME_AND_FIRST: Final = re.compile(r"[^,/(]+[,/][^,/()]+[*\s]*")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_RECALL: Final = re.compile(r"\{\{[^{}]{0,80}\}\}")
"""What stands in a question for an earlier answer, such as `{{field:0123}}`."""
_POLITE: Final = re.compile(r"を.{0,12}(?:ください|下さい)(?:ませ)?[。?？\s]*$|は(?:何ですか)?[?？\s]+$")
"""What makes a question of a name in Japanese: `please tell us …`."""
_COUNTED: Final = re.compile(r"\b(?:how many|wie ?viele|combien|cuant[oa]s|quant[ieo]s?|hoeveel)\b")
_STAFF: Final = re.compile(
    r"\b(?:company|organi[sz]ation|business|team|employ\w*|work\w*|firma|unternehmen|beschaftig\w*|arbeiten"
    r"|entreprise|societe|travaillent|empresa|trabajan|azienda|lavorano|bedrijf)\b"
)
_PEOPLE: Final = re.compile(
    r"\b(?:people|persons|personen|leute|personnes|personas|persone|pessoas|mensen)\b"
)
_HELP: Final = re.compile(
    r"\b(?:how|what|where)\b.{0,20}\bhelp you|how (?:can|may|could) we help"
    r"|(?:wie|womit|wobei) (?:konnen|durfen|konnten) wir .{0,12}\bhelfen"
    r"|pouvons nous .{0,12}\baider|pod(?:emos|riamos) .{0,12}ayudar|ayudarte|ajudar\b"
    r"|(?:kunnen|mogen) we .{0,8}\bhelpen"
    r"|possiamo (?:esserti|aiutar)|mozemy .{0,12}pomoc|kan vi hj[ae]lpe|kan vi hjalpa"
    r"|^(?:please )?(?:tell us|let us know) (?:more|about|how|what)\b|^(?:please )?describe\b"
    r"|^(?:bitte )?(?:beschreiben|schildern|erzahlen|beschreibe|erzahle?)\b|^decrivez\b|^describ[ae]\b"
    r"|^cuentanos\b|\banything else\b|\bshare anything\b|\bprepare for (?:our|the) (?:meeting|call)\b"
    r"|\bvorbereitung auf (?:unser|das|den)|\bprepara\w* (?:\w+ ){0,2}(?:nuestra|nossa|notre|la|nostro)\b"
    r"|\bpreparer (?:notre|le|la)\b|^(?:how can|wie konnen|womit konnen|comment pouvons|como podemos)$"
    r"|^(?:descreva|descrivi|descriva|opisz|beskriv|omschrijf|beschrijf|explain|expliquez)\b"
    r"|what (?:can|may) we do for you|what (?:are you looking for|do you need)$"
    r"|was (?:konnen|durfen) wir fur \w+ tun|^worum geht es\b"
    r"|pouvons nous faire pour|^que necesitas|kunnen we voor \w+ doen|possiamo fare per"
)
"""What asks for some sentences rather than for a value."""
_NO_MESSAGE: Final = re.compile(
    r"\b(?:heard?|learned|role|rolle|position|funktion|fonction|cargo|erfahren|entendu|conocio|conociste)\b"
)
"""What has an answer of its own, although it is asked in such a sentence."""
_WANTED: Final = re.compile(
    r"(?:(?:which|what|of|our|the|these|please|select|products?|solutions?|services?|topics?|areas?|features?"
    r"|plans?|packages?|are|you|your|i|m|am|most|mainly|or|and) )*interested in"
    r"|(?:products?|solutions?|services?|topics?|areas?) of interest"
    r"|(?:ich interessiere mich|wofur interessieren sie sich|wofur interessierst du dich)(?: fur)?"
    r"|(?:ihr |dein |mein )?interesse an"
    r"|(?:an |fur )?welche[mnrs]? produkte?n? .{0,20}\binteressier\w+.{0,12}"
    r"|je suis interessee? par|(?:quels? )?produits? qui vous interess\w+|quels? produits? vous interessen?t"
    r"|me interesan?|(?:productos?|soluciones|solucion|servicios?) de interes"
    r"|(?:estou )?interessad[oa] em|produtos? de interesse|(?:ik heb )?interesse in|geinteresseerd in"
    r"|(?:sono )?interessat[oa] a|prodott[oi] di interesse"
)
"""What asks for the product, in words around it."""
_OCCUPATION: Final = re.compile(
    r"what do you do(?: (?:there|for a living|at .*))?|was machst du(?: beruflich)?"
)
_ACTIVITY: Final = re.compile(r"\bwhat do(?:es)?\b.*\bdo\b")
"""What somebody or a company does, rather than what it is called."""
_SIGNS: Final = str.maketrans(dict.fromkeys("*:?!'’`´．.[]\"", " "))


def tracking_of(name: str) -> str | None:
    """The field of a UTM parameter or of the id of a click: `utm.source`, `click_ids.gclid`."""
    if (plain := name.strip().lower()) in CLICK_IDS:
        return f"click_ids.{plain}"
    folded = fold_label(name)
    if utm := _UTM.fullmatch(folded):
        return f"utm.{utm[1]}"
    click = folded.removeprefix("hidden ").removesuffix(" c").replace(" ", "_")
    click = _CLICK_NAMES.get(click, click)
    return f"click_ids.{click}" if click in CLICK_IDS else None


@lru_cache(4096)
def meaning_of(name: str) -> str | None:
    """What a name or label means: as it is written, without its number, in parts, or without its filler."""
    if not 0 < len(name) <= 200:
        return None
    if (tracking := tracking_of(name)) is not None:
        return tracking
    name = unicodedata.normalize("NFKC", name)
    name = _POLITE.sub("", _RECALL.sub("", name).strip()).removesuffix("__c")
    folded = E_MAIL.sub("email", fold_label(name))
    plain = _NUMBER_BEHIND.sub("", folded)
    for each in (fold_name(name), folded, plain):
        if (meaning := _meant(each)) is not None:
            return meaning
    parts = [part for part in _PARTS.split(name) if part.strip()]
    meanings = (
        {meaning for part in parts if (meaning := meaning_of(part)) is not None} if parts[1:] else set()
    )
    if {"first_name", "last_name"} <= meanings:
        return "name"  # `Nachname, Vorname`
    if "name" in meanings and meanings & {"first_name", "last_name"}:
        # `Name (First)`, and `Name, Vorname`
        return "name" if _NAME_AND_FIRST.fullmatch(name.strip()) else (meanings - {"name"}).pop()
    if meanings:
        return meanings.pop() if len(meanings) == 1 else None
    return _of_question(folded, plain.split())


def _of_question(folded: str, words: Sequence[str]) -> str | None:
    """What a question asks for."""
    if _OCCUPATION.fullmatch(folded):
        return "title"
    if _ACTIVITY.search(folded):
        return None
    if _COUNTED.search(folded) and _PEOPLE.search(folded):
        return "employees" if _STAFF.search(folded) else None
    counting = [position for position, word in enumerate(words) if word not in _FILLER]
    if not counting:
        return None
    inner = words[counting[0] : counting[-1] + 1]
    meaning = _meant(" ".join(inner)) or _of_words([words[position] for position in counting])
    # `Which product do you use today?` asks for something else.
    return meaning if meaning != "product_interest" else None


def _of_words(words: Sequence[str]) -> str | None:
    """What is left of a question: `employees company` are employees, and `name company` is a company."""
    if not words or len(words) > 4:
        return None
    if (meaning := _meant(" ".join(words))) is not None:
        return meaning
    meanings = [_meant(word) for word in words]
    if None in meanings:
        rest = " ".join(word for word, meant in zip(words, meanings, strict=True) if meant != "company")
        return _meant(rest) if "company" in meanings and rest else None
    apart = set(meanings) - {"company"}
    if apart == {"name"}:
        return "company"
    return apart.pop() if len(apart) == 1 else None


@lru_cache(4096)
def sentence_of(label: str) -> str | None:
    """What a label asks for in a sentence of its own: the product, or a text such as a message."""
    folded = fold_label(unicodedata.normalize("NFKC", label[:200]))
    if _WANTED.fullmatch(folded):
        return "product_interest"
    return "attributes.message" if _HELP.search(folded) and not _NO_MESSAGE.search(folded) else None


def _meant(name: str) -> str | None:
    compact = name.replace(" ", "")
    if compact in _EXTRA:
        return _EXTRA[compact]
    guess = guess_field(compact)
    if guess is None:
        return None
    meaning = "name" if guess.field == FULL_NAME else guess.field
    return meaning if meaning in _BY_NAME_ALONE or meaning.startswith("consent.") else None


def fold_label(name: str) -> str:
    """A name or label in the form in which labels are compared."""
    words = _CAMEL.sub(" ", name) if not name.isupper() else name
    return fold(words.translate(_SIGNS))
