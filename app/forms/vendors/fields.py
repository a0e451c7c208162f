"""Finds out what the fields of a form mean, whatever their names and language.

What the endpoint's mapping says goes first, then what the tool itself says of a key, then the type it gives,
then the name or label, then what a value looks like: an address is one whatever its label is. Everything else
is kept as attributes.

A visitor can write any name and value, so names alone never set ids, owners, scores or the state of a
customer; only a mapping does.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import isfinite
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from app.forms.vendors.base import FormMap
from app.forms.vendors.bodies import texts_of
from app.intake.contact import parse_email, read_mailbox
from app.intake.headers import FULL_NAME, NAME_OR_PART, fold_name, guess_field, other_part
from app.plan.language.fields import CUSTOMER_STATUSES
from app.values.booleans import read_boolean
from app.values.folding import fold
from app.values.full_names import is_certain, split_full_name

MAX_NAME: Final = 100
"""Characters of the name of an attribute."""
MAX_SHORT: Final = 255
"""Bytes of an address or an id of a lead."""
MAX_TEXT: Final = 8192
"""Characters of a text of a lead."""
MAX_EXACT: Final = 2**53
"""A larger whole number loses digits in programs that read numbers as floating point."""
_LISTS: Final = frozenset(("product_interest", "pages", "content"))
_BY_TYPE: Final[Mapping[str, str]] = {
    "email": "email", "phone": "phone", "phone number": "phone", "phone_number": "phone", "tel": "phone",
    "country": "country",
}  # fmt: skip
_SINGLE: Final = frozenset(("email", "phone"))
"""Of what a lead has one, although a form may hold several."""
_NEVER_A_TICK: Final = frozenset(("website", "company", "title", "phone"))
"""What nobody answers with yes or no: `Do you have a website?` asks for something else."""
_NAMED: Final = """
email phone first_name last_name name title company website country state city postal_code
language industry employees annual_revenue product_interest lead_type channel source campaign
referrer pages
"""
_BY_NAME_ALONE: Final = frozenset(_NAMED.split())
"""What a name or label may mean without a mapping."""
_MORE_NAMES: Final[Mapping[str, str]] = {
    "first_name": "first, fname, f name, your first name, имя, ваше имя",
    "last_name": "last, lname, l name, your last name, фамилия",
    "company": "御社名, 公司名称, 公司, 회사명, компания, название компании, организация",
    "phone": "best number to reach, numero de telephone portable, telefone com ddd, お電話番号,"
    " 手机号, 手机, 电话, 연락처, 전화번호, телефон, номер телефона",
    "employees": "number employees, how big is your company, how large is your company, how big is your team,"
    " how large is your team, wie gross ist ihr unternehmen, wie gross ist euer unternehmen,"
    " wie gross ist dein unternehmen, quantos funcionarios, 従業員規模, 社員数",
    "country": "country region, страна",
    "city": "город",
    "industry": "業種, отрасль",
    "title": "job function, 役職名, 职位, должность, job,"
    " occupation, beruf, metier, profession, profesion, professione",
    "product_interest": "products of interest, interest, interests, interested in, interessen, interets,"
    " intereses, interessi",
    "name": "ご担当者名, 担当者名, 担当者, 姓名, фио, 성함, 이름, wie heisst du,"
    " wie heissen sie, what should we call you, comment vous appelez vous,"
    " como te llamas, como se llama, come ti chiami",
    "website": "url, web",
    "state": "region, county",
    "postal_code": "cp",
    "referrer": "referer, http referrer",
    "pages": "page url, page uri",
    "landing_page": "landing page, landing page url, landing url, first page, entry page",
    "ip": "ip, ip address, client ip, remote ip, visitor ip, user ip",
    "timezone": "time zone, timezone, zeitzone, fuseau horaire, zona horaria",
    "attributes.message": "wie konnen wir ihnen helfen, wie konnen wir dir helfen,"
    " wie konnen wir euch helfen,"
    " ihre frage, deine frage, comment pouvons nous vous aider, en que podemos ayudarte,"
    " message, msg, textarea, your message, comment, comments, question, questions,"
    " notes, inquiry, enquiry, how can we help, how can we help you, what can we do for you, nachricht,"
    " ihre nachricht, deine nachricht, mitteilung, anliegen, ihr anliegen, kommentar, bemerkung, bemerkungen,"
    " anmerkungen, wie konnen wir helfen, votre message, commentaire, commentaires, mensaje, tu mensaje,"
    " comentarios, messaggio, il tuo messaggio, mensagem, comentario, bericht, opmerkingen, wiadomosc,"
    " meddelande, besked, melding, zprava, メッセージ, お問い合わせ内容",
}
_EXTRA: Final = {
    fold_name(word): meaning for meaning, words in _MORE_NAMES.items() for word in words.split(",")
}
_AROUND: Final = """
what whats which s is are was your you yours my our the a an of do does did work for at in
with please enter provide tell us can we i have has how many and required optional here best
current currently located live people operate billing
wie lautet ist sind hat habt haben hast dein deine deinen deiner deinem ihr ihre ihren ihrem euer
eure euren eurem mein meine bitte geben gib sie du der die das den dem des ein eine einen viele welche welchem
welchen
welcher welches fur von bei aus an uns dich euch arbeitest arbeiten arbeitet sitzt sitzen wohnst wohnen
kommst kommen kommt seid tatig angeben
nennen beschaftigt beschaftigen wahlen pflichtfeld optional
quel quelle quels quelles est sont votre vos ton ta tes mon le la les l de du d dans pour combien avez vous
travaillez travailles tu etes obligatoire facultatif
cual cuales es son su tu mi el los las en que cuantos tiene tienes trabajas trabaja estas esta obligatorio
opcional qual quale quali il lo tuo tua suo sua vostra vostro quanti avete lavori e
seu sua voce o obbligatorio facoltativo je jouw uw wat het verplicht twoj twoje jest
"""
_FILLER: Final = frozenset(_AROUND.split())
"""Words around the one that counts: `What is your e-mail address?`"""
_CONSENT: Final = re.compile(
    r"consent|opt ?in|einwillig|willige|einverstand|zustimm|stimme|agree|subscri|permission|marketing|werb"
    r"|autoris|authoriz|accept|consentement|consentimiento|acepto|autorizo|consenso|acconsento|accetto"
    r"|consentimento|aceito|toestemming|akkoord|zgod|samtyck|samtykke|abonn|inform|contact|kontakt"
    r"|newsletter|同意|承諾|\b(?:may|can) we\b|\bdurfen wir\b|\b(?:email|call|text) me\b"
    r"|\b(?:i want|i would like|i d like|yes|ich mochte|ich will|ja|je souhaite|je veux|oui|quiero|deseo"
    r"|desidero|vorrei|ik wil|quero|chce)\b.*\b(?:receive|get|erhalten|bekommen|recevoir|recibir|ricevere"
    r"|receber|ontvangen|otrzymywac)\b"
)
_NEGATED: Final = re.compile(
    r"\b(?:not|don t|dont|never|no longer|kein\w*|nicht|pas|no (?:quiero|deseo|acepto|autorizo)|non|niet|geen"
    r"|nie|nao|inte|ikke)\b|ない|しません"
)
_LEAVING: Final = re.compile(
    r"unsubscri|\bopt(?:ing|ed)? ?out|abmeld|abbestell|widerruf|widersprech|desinscri|desabonn"
    r"|darme de baja|afmeld"
)
_ANY_TIME: Final = re.compile(r"any ?time|jederzeit|tout moment|cualquier momento|qualsiasi momento|altijd")
_OTHER_QUESTION: Final = re.compile(
    r"\b(?:do you have|do you use|have we|did we|have you|want to send|haben wir|habt ihr|haben sie|hast du"
    r"|nutzt ihr|nutzen sie|avez vous|tienes|avete)\b"
)
"""What makes a yes something else than a consent."""
_BY_CHANNEL: Final[Mapping[str, re.Pattern[str]]] = {
    "email": re.compile(
        r"\b(?:e ?mails?|newsletters?|e ?mailing|courriels?|correos?|mailing|per mail)\b|メール|メルマガ"
    ),
    "sms": re.compile(r"\b(?:sms|text messages?|texts|(?:by|via|per|me) text)\b"),
    "phone": re.compile(
        r"\b(?:phone|telephone|calls?|telefon\w*|anruf\w*|anzurufen|appels?|llam\w*|chiamate|chiamata|telefoon\w*)\b|電話"
    ),
}
_FORMS_OF_ADDRESS: Final = """
mr mrs ms miss mx dr prof herr frau monsieur madame mme mlle sr sra senor senora dhr mevrouw pan pani sig
"""
_SALUTATIONS: Final = frozenset(_FORMS_OF_ADDRESS.split())
"""What a field `Title` holds that is no job."""
_CHOICES: Final = re.compile(r"boolean|checkbox|acceptance|consent|legal|yes_?no|toggle|switch|accept", re.I)
"""Types of fields that are ticked rather than written."""
_CONSENT_NAME: Final = re.compile(r"consent|opt ?in|einwillig|zustimm|consens|toestemming|zgod")
_CHOICE_ASKED: Final = re.compile(r"\b(?:how|preferred|wie|comment|como)\b")
_UTM: Final = re.compile(r"(?:hidden )?utm ?(source|medium|campaign|term|content|id)")
_CLICK_IDS: Final = frozenset(
    ("gclid", "gbraid", "wbraid", "msclkid", "fbclid", "igshid", "ttclid", "li_fat_id", "twclid", "dclid")
)
_NUMBER_BEHIND: Final = re.compile(r" ?[0-9]{1,4}$")
_E_MAIL: Final = re.compile(r"\be mail")
_PARTS: Final = re.compile(r"[/|(),:;–—]|\s-\s|\bor\b|\boder\b|\bou\b", re.IGNORECASE)
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
_OCCUPATION: Final = re.compile(
    r"what do you do(?: (?:there|for a living|at .*))?|was machst du(?: beruflich)?"
)
_ACTIVITY: Final = re.compile(r"\bwhat do(?:es)?\b.*\bdo\b")
"""What somebody or a company does, rather than what it is called."""
_SIGNS: Final = str.maketrans(dict.fromkeys("*:?!'’`´．.[]\"", " "))
_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]{2,}")
_DIGITS: Final = re.compile(r"[+(]?[0-9][0-9 ()/.+-]{5,24}")
_PHONE_WORD: Final = re.compile(r"\b(?:tele?[fp]\w*|phone|mobile?|handy|cell|celular|movil|portable)\b")
_WORK: Final = re.compile(r"\b(?:work|business|company|geschaftlich\w*|professionn?el\w*|corporat\w*)\b")
_SHORT: Final = ("email", "external_id", "external_id_source", "submission_id", "crm.")


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form: its stable key, what it holds, and, where the tool says them, its label and type.

    `name` is what it is called if it becomes an attribute; without one it is its label, or else its key.
    """

    key: str
    value: Any = field(repr=False)
    label: str = ""
    type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class MappedFields:
    """The fields of a lead, nested, and what nothing maps, by its name."""

    lead: dict[str, Any] = field(repr=False)
    unmapped: dict[str, Any] = field(repr=False)
    flags: tuple[str, ...] = ()

    def with_page(self, url: object, referrer: object = None) -> "MappedFields":
        """The same lead, with the page and the campaign that its address names where it has none."""
        address = url.strip() if isinstance(url, str) else ""
        if address and len(address) <= MAX_TEXT:
            self.lead.setdefault("pages", [address])
            self.with_utm(dict(_query_of(address)))
        if isinstance(referrer, str) and 0 < len(referrer.strip()) <= MAX_TEXT:
            self.lead.setdefault("referrer", referrer.strip())
        return self

    def with_utm(self, tracking: Mapping[str, Any]) -> "MappedFields":
        """The same lead, with the campaign of an object such as `{"utm_source": …}` where it has none."""
        for name, value in tracking.items():
            meaning, text = tracking_of(name), ", ".join(texts_of(value))
            if meaning is not None and 0 < len(text) <= MAX_TEXT:
                self.lead.setdefault("utm", {}).setdefault(meaning, text)
        return self


def fields_of(form: Mapping[str, Any]) -> list[FormField]:
    """The fields of a flat form or object. Objects inside of it are fields of their own, joined by dots."""
    return list(_flat("", form))


def map_fields(
    fields: Sequence[FormField],
    mapping: FormMap,
    known: Mapping[str, str] | None = None,
    *,
    asks_consent: bool = True,
) -> MappedFields:
    """What the fields mean. `known` are meanings that the tool itself gives to keys, such as `FULL_NAME`.

    Without `asks_consent` no field is a consent, unless the mapping says that it is one.
    """
    return _Mapper(mapping, known or {}, asks_consent=asks_consent).mapped(fields)


class _Mapper:
    def __init__(self, mapping: FormMap, known: Mapping[str, str], *, asks_consent: bool) -> None:
        self._mapping = mapping
        self._known = known
        self._asks_consent = asks_consent
        self._repeated: list[FormField] = []
        self._ignored = {each for place in mapping.ignore for each in (place, _folded(place))} - {""}
        self._found: dict[str, Any] = {}
        self._flags: dict[str, None] = {}
        self._name_or_part = False

    def mapped(self, fields: Sequence[FormField]) -> MappedFields:
        open_ = [each for each in fields if not _is_empty(each.value) and not self._is_ignored(each)]
        open_ = self._by_mapping(open_)
        open_.sort(key=lambda each: not _is_of_work(each))
        for means in (self._known_key, _by_key, _by_type, _by_label, _of_a_person, _of_a_company):
            open_ = [each for each in open_ if not self._take(means(each), each)]
        open_ = [each for each in open_ if not self._take_consent(each)]
        for meaning, looks in (("email", _is_address), ("phone", _is_phone)):
            if meaning not in self._found:
                open_ = self._by_look(meaning, looks, open_)
            open_ = [each for each in open_ if not self._repeats(meaning, each)]
        order = {id(each): position for position, each in enumerate(fields)}
        left = sorted(open_, key=lambda each: order[id(each)]) + self._repeated
        lead = self._lead()
        unmapped = dict(_attributes(left, lead.get("attributes", {})))
        return MappedFields(lead, unmapped, tuple(self._flags))

    def _is_ignored(self, one: FormField) -> bool:
        return bool(self._ignored) and any(name in self._ignored for name in _names_of(one))

    def _by_mapping(self, fields: list[FormField]) -> list[FormField]:
        """Takes what the endpoint's mapping names. A mapped field is mapped, even one that is not used."""
        used: set[int] = set()
        for meaning, places in self._mapping.fields.items():
            for place in places:
                names = {place, _folded(place)}
                for position, each in enumerate(fields):
                    if names & _names_of(each):
                        used.add(position)
                        self._take(meaning, each, by_mapping=True)
        return [each for position, each in enumerate(fields) if position not in used]

    def _known_key(self, one: FormField) -> str | None:
        return self._known.get(one.key)

    def _by_look(
        self, meaning: str, looks: Callable[[FormField, str], bool], fields: list[FormField]
    ) -> list[FormField]:
        """Takes the first value that looks like it, whatever its label says."""
        for position, each in enumerate(fields):
            texts = texts_of(each.value)
            if len(texts) == 1 and not isinstance(each.value, bool) and looks(each, texts[0]):
                self._take(meaning, each)
                return [*fields[:position], *fields[position + 1 :]]
        return fields

    def _repeats(self, meaning: str, one: FormField) -> bool:
        """Whether a field without a meaning holds nothing but the address or number that is known already."""
        known, texts = str(self._found.get(meaning, "")), texts_of(one.value)
        return len(texts) == 1 and bool(known) and texts[0].lower() == known.lower()

    def _take(self, meaning: str | None, one: FormField, *, by_mapping: bool = False) -> bool:
        """Takes a value for a field of the lead that is still empty."""
        known = by_mapping or one.key in self._known
        if meaning is None or (meaning.startswith("consent.") and not (self._asks_consent or by_mapping)):
            return False
        if meaning in _SINGLE and isinstance(one.value, list):
            texts = list(dict.fromkeys(texts_of(one.value)))
            return self._take_first(meaning, one, texts, by_mapping=by_mapping)
        value = _value_of(meaning, one.value)
        if _is_empty(value) or not _fits(meaning, value):
            return False
        if meaning in _NEVER_A_TICK and not known and read_boolean(str(value)) is not None:
            return False
        if meaning in self._found:
            # The same value under a second name says nothing new.
            return bool(texts_of(self._found[meaning]) == texts_of(value))
        if meaning == "email" and not known and not _may_be_address(value):
            return False
        if meaning == "phone" and isinstance(one.value, int | float):
            self._flags["phone_from_number"] = None
        if meaning == "name":
            words = map(fold_name, (one.key, one.label))
            self._name_or_part = not known and not NAME_OR_PART.isdisjoint(words)
        self._found[meaning] = value
        return True

    def _take_first(self, meaning: str, one: FormField, texts: list[str], *, by_mapping: bool) -> bool:
        """Takes the first of several addresses or numbers. The others stay, for somebody to look at."""
        for place, text in enumerate(texts):
            if self._take(meaning, replace(one, value=text), by_mapping=by_mapping):
                others = [*texts[:place], *texts[place + 1 :]]
                self._repeated += [replace(one, value=each) for each in others]
                return True
        return False

    def _take_consent(self, one: FormField) -> bool:
        """Takes a tick below a sentence such as `I agree to receive e-mails`, also one that is unclear."""
        channels = _consents(one)
        # A list, because all are taken.
        return bool(channels) and any([self._take(f"consent.{each}", one) for each in channels])  # noqa: C419

    def _lead(self) -> dict[str, Any]:
        found = dict(self._found)
        whole = str(found.pop("name", "") or "")
        if whole:
            self._put_name(found, whole)
        constants = {name: value for name, value in self._mapping.constants.items() if name not in found}
        if "name" in constants:
            self._put_name(found, str(constants.pop("name")))
        return nest({**constants, **found})

    def _put_name(self, found: dict[str, Any], whole: str) -> None:
        """Put a whole name as its parts. One that may be split elsewhere is also kept whole."""
        part = other_part(found.keys()) if self._name_or_part else FULL_NAME
        if part != FULL_NAME:
            found[part] = whole
            return
        parts = [found[name] for name in ("first_name", "last_name") if name in found]
        if not parts:
            found.update(split_full_name(whole))
        if " ".join(parts) != whole if parts else not is_certain(whole):
            found.setdefault("attributes.full_name", whole)


CONTEXT: Final[Mapping[str, str]] = {
    name: f"attributes.{name}" for name in ("form_id", "form_name", "page_id", "page_name", "variant")
} | {name: name for name in ("ip", "timezone")}
"""What a tool says around the answers, by the keys that `context` gives it."""


def context(**values: Any) -> list[FormField]:
    """What a tool says around the answers. A mapping may name it, as any other field."""
    return [FormField(name, value) for name, value in values.items()]


def nest(found: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by dotted names as the nested fields of a lead."""
    lead: dict[str, Any] = {}
    for name, value in found.items():
        parent, dot, rest = name.partition(".")
        if dot and parent in ("utm", "consent", "crm", "attributes"):
            lead.setdefault(parent, {})[rest] = value
        else:
            lead[name] = value
    return lead


def tracking_of(name: str) -> str | None:
    """The name below `utm` of a UTM parameter or of the id of a click."""
    folded = _folded(name)
    if utm := _UTM.fullmatch(folded):
        return utm[1]
    return click if (click := folded.replace(" ", "_")) in _CLICK_IDS else None


def _query_of(address: str) -> Iterator[tuple[str, str]]:
    try:
        query = urlsplit(address).query
        pairs = parse_qsl(query, max_num_fields=200)
    except ValueError:
        return
    yield from ((name, value) for name, value in pairs if tracking_of(name) is not None)


def _names_of(one: FormField) -> set[str]:
    """What a mapping may call a field: its key, its label, or its name, also in other spelling."""
    names = (one.key, one.label, one.name)
    return {*names, *map(_folded, names)} - {""}


def _by_type(one: FormField) -> str | None:
    return None if isinstance(one.value, bool) else _BY_TYPE.get(one.type.lower())


def _by_key(one: FormField) -> str | None:
    return None if isinstance(one.value, bool) else _meaning_of(one.key)


def _by_label(one: FormField) -> str | None:
    return None if isinstance(one.value, bool) or not one.label else _meaning_of(one.label)


@lru_cache(4096)
def _meaning_of(name: str) -> str | None:
    """What a name or label means: as it is written, without its number, in parts, or without its filler."""
    if not 0 < len(name) <= 200:
        return None
    if (tracking := tracking_of(name)) is not None:
        return f"utm.{tracking}"
    name = _POLITE.sub("", _RECALL.sub("", name).strip()).removesuffix("__c")
    folded = _E_MAIL.sub("email", _folded(name))
    plain = _NUMBER_BEHIND.sub("", folded)
    for each in (folded, plain):
        if (meaning := _meant(each)) is not None:
            return meaning
    parts = [part for part in _PARTS.split(name) if part.strip()]
    meanings = (
        {meaning for part in parts if (meaning := _meaning_of(part)) is not None} if parts[1:] else set()
    )
    if "name" in meanings and meanings & {"first_name", "last_name"}:
        meanings -= {"name"}  # `Name (First)`
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


def _meant(name: str) -> str | None:
    compact = name.replace(" ", "")
    if compact in _EXTRA:
        return _EXTRA[compact]
    guess = guess_field(compact)
    if guess is None:
        return None
    meaning = "name" if guess.field == FULL_NAME else guess.field
    return meaning if meaning in _BY_NAME_ALONE or meaning.startswith("consent.") else None


def _consents(one: FormField) -> list[str]:
    """The channels of which a field asks whether they may be used."""
    named = _E_MAIL.sub("email", f"{_folded(one.key)} {_folded(one.label)}".strip())
    if len(named) > 2000 or not _CONSENT.search(named) or _denies(one):
        return []
    short = len(named.split()) <= 4 and not _CHOICE_ASKED.search(named)
    ticked = (
        isinstance(one.value, bool)
        or _CHOICES.search(one.type) is not None
        or any(read_boolean(text) is not None for text in texts_of(one.value)[:1])
    )
    if not ticked and not (short and _CONSENT_NAME.search(named)):
        return []
    return [channel for channel, words in _BY_CHANNEL.items() if words.search(named)]


_SENTENCES: Final = re.compile(r"[.;!?。]\s|[.!?。]$")
_NESTED: Final = re.compile(r"\w+\.\w")
_PERSON_WORDS: Final = """
contact person customer lead user profile visitor submitter prospect subscriber member client
kontakt kunde fields answers data properties attributes values personal traits details
contactdetails personaldetails contactinfo identity payload submission response record
"""
_PERSON: Final = frozenset(_PERSON_WORDS.split())
_COMPANY_WORDS: Final = """
organization, organisation, company, org, firm, firma, account, business, employer, unternehmen,
societe, entreprise, empresa, azienda, associatedcompany, companyinfo, companydetails
"""
_COMPANY: Final = frozenset(_COMPANY_WORDS.replace(",", " ").split())
_PLACE_WORDS: Final = """
address location adresse anschrift direccion indirizzo billingaddress mailingaddress postaladdress
"""
_PLACE: Final = frozenset(_PLACE_WORDS.split())
_WHERE: Final = frozenset(("country", "state", "city", "postal_code"))
_OF_COMPANIES: Final[Mapping[str, str]] = {
    "name": "company", "company": "company", "website": "website", "industry": "industry",
    "employees": "employees", "annual_revenue": "annual_revenue", **{name: name for name in _WHERE},
}  # fmt: skip
_MORE_OF_COMPANIES: Final[Mapping[str, str]] = {
    "domain": "website", "size": "employees", "headcount": "employees", "revenue": "annual_revenue",
    "sector": "industry", "legalname": "company", "title": "company",
}  # fmt: skip


def _is_of_work(one: FormField) -> bool:
    """Whether it asks for the address or number at work, which goes before a private one."""
    return not _NESTED.match(one.key) and _WORK.search(_folded(f"{one.key} {one.label}")) is not None


def _of_a_person(one: FormField) -> str | None:
    """What a field inside of objects means: `contact.firstName`, `person.address.city`."""
    parents, last = _path_of(one)
    if not parents or not set(parents) <= _PERSON | _PLACE:
        return None
    meaning = _meaning_of(last)
    return meaning if meaning in _WHERE or parents[-1] not in _PLACE else None


def _of_a_company(one: FormField) -> str | None:
    """What a field of a company inside of objects means: `company.name`, `account.address.country`."""
    parents, last = _path_of(one)
    if _COMPANY.isdisjoint(parents) or not set(parents) <= _PERSON | _PLACE | _COMPANY:
        return None
    meaning = _MORE_OF_COMPANIES.get(fold_name(last)) or _OF_COMPANIES.get(_meaning_of(last) or "")
    return meaning if meaning in _WHERE or parents[-1] not in _PLACE else None


def _path_of(one: FormField) -> tuple[list[str], str]:
    """The names around a field inside of objects, and its own."""
    if isinstance(one.value, bool) or one.label or "." not in one.key or len(one.key) > 200:
        return [], one.key
    *parents, last = one.key.split(".")
    return [fold_name(each) for each in parents], last


def _denies(one: FormField) -> bool:
    """Whether a tick says no, such as below `Please do not call me`, or answers something else."""
    whole = _folded(f"{one.key} {one.label}")
    if _OTHER_QUESTION.search(whole) or (_LEAVING.search(whole) and not _ANY_TIME.search(whole)):
        return True
    sentences = [_E_MAIL.sub("email", _folded(each)) for each in _SENTENCES.split(f"{one.key}. {one.label}")]
    about = [
        each for each in sentences if any(words.search(each) for words in (_CONSENT, *_BY_CHANNEL.values()))
    ]
    return any(_NEGATED.search(each) for each in about)


def _folded(name: str) -> str:
    words = _CAMEL.sub(" ", name) if not name.isupper() else name
    return fold(words.translate(_SIGNS))


def _value_of(meaning: str, value: Any) -> Any:
    """The value as the field of a lead takes it."""
    texts = texts_of(value)
    if meaning in _LISTS:
        return texts[:1000]
    if meaning.startswith("attributes."):
        return storable(value)
    if meaning.startswith("consent."):
        return value if isinstance(value, bool) else ", ".join(texts)
    return ", ".join(texts)


def _fits(meaning: str, value: Any) -> bool:
    """Whether a lead can hold the value, and the value can be meant."""
    if meaning == "title":
        return fold(str(value)[:MAX_NAME]) not in _SALUTATIONS
    if meaning.startswith(_SHORT):
        return len(str(value).encode()) <= MAX_SHORT
    if meaning == "customer_status":
        return value in CUSTOMER_STATUSES
    if meaning.startswith("attributes."):
        return True
    return all(len(each) <= MAX_TEXT for each in (value if isinstance(value, list) else [str(value)]))


def _may_be_address(value: Any) -> bool:
    return "@" in read_mailbox(str(value))[0]


def _is_address(one: FormField, text: str) -> bool:
    del one
    return _ADDRESS.fullmatch(text) is not None and parse_email(text) is not None


def _is_phone(one: FormField, text: str) -> bool:
    """Digits alone are no phone number: the label must say so, in whatever words, or a plus before them."""
    if _DIGITS.fullmatch(text) is None:
        return False
    named = f"{_folded(one.key)} {_folded(one.label)}"
    return _PHONE_WORD.search(named) is not None or (text.startswith("+") and "fax" not in named)


def _is_empty(value: Any) -> bool:
    if isinstance(value, list | dict):
        return not value or all(
            _is_empty(each) for each in (value.values() if isinstance(value, dict) else value)
        )
    return value is None or (isinstance(value, str) and not value.strip())


def _flat(prefix: str, form: Mapping[str, Any]) -> Iterator[FormField]:
    for name, value in form.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield FormField(f"{prefix}{name}", value)


def _attributes(fields: Iterable[FormField], taken: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is left, by its name, its label, or its key. No two have one name."""
    names = set(taken)
    for each in fields:
        plain = (each.name or each.label or each.key).strip().replace("\n", " ").replace("．", ".")[:MAX_NAME]
        if not plain:
            continue
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain}_{number}"
        names.add(name)
        yield name, storable(each.value)


def storable(value: Any) -> Any:
    """The value with whole numbers that not every reader of JSON keeps exact as texts."""
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, dict):
        return {name: storable(each) for name, each in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return None
    exact = not isinstance(value, int) or isinstance(value, bool) or abs(value) <= MAX_EXACT
    return value if exact else str(value)
