"""What the names and labels of fields mean, in many languages."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from app.intake.headers import FULL_NAME, fold_name, guess_field
from app.values.folding import fold

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
_UTM: Final = re.compile(r"(?:hidden )?utm ?(source|medium|campaign|term|content|id)")
_CLICK_IDS: Final = frozenset(
    ("gclid", "gbraid", "wbraid", "msclkid", "fbclid", "igshid", "ttclid", "li_fat_id", "twclid", "dclid")
)
_NUMBER_BEHIND: Final = re.compile(r" ?[0-9]{1,4}$")
E_MAIL: Final = re.compile(r"\be mail")
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


def tracking_of(name: str) -> str | None:
    """The name below `utm` of a UTM parameter or of the id of a click."""
    folded = fold_label(name)
    if utm := _UTM.fullmatch(folded):
        return utm[1]
    return click if (click := folded.replace(" ", "_")) in _CLICK_IDS else None


@lru_cache(4096)
def meaning_of(name: str) -> str | None:
    """What a name or label means: as it is written, without its number, in parts, or without its filler."""
    if not 0 < len(name) <= 200:
        return None
    if (tracking := tracking_of(name)) is not None:
        return f"utm.{tracking}"
    name = _POLITE.sub("", _RECALL.sub("", name).strip()).removesuffix("__c")
    folded = E_MAIL.sub("email", fold_label(name))
    plain = _NUMBER_BEHIND.sub("", folded)
    for each in (folded, plain):
        if (meaning := _meant(each)) is not None:
            return meaning
    parts = [part for part in _PARTS.split(name) if part.strip()]
    meanings = (
        {meaning for part in parts if (meaning := meaning_of(part)) is not None} if parts[1:] else set()
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


def fold_label(name: str) -> str:
    """A name or label in the form in which labels are compared."""
    words = _CAMEL.sub(" ", name) if not name.isupper() else name
    return fold(words.translate(_SIGNS))
