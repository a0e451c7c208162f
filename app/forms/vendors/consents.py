"""Finds out which ticks are a consent, and for which channel."""

import re
from collections.abc import Mapping
from typing import Final

from app.forms.vendors.bodies import texts_of
from app.forms.vendors.form_field import FormField
from app.forms.vendors.labels import E_MAIL, fold_label
from app.values.booleans import read_boolean

_CONSENT: Final = re.compile(
    r"consent|opt ?in|einwillig|willige|einverstand|zustimm|stimme|agree|subscri|permission|marketing|werb"
    r"|d accordo|de acuerdo|d accord|de acordo|wyrazam|souhlas|hyvaksy|godkann|autoris|authoriz|accept"
    r"|consentement|consentimiento|acepto|autorizo|consenso|acconsento|accetto"
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
_CHOICES: Final = re.compile(r"boolean|checkbox|acceptance|consent|legal|yes_?no|toggle|switch|accept", re.I)
"""Types of fields that are ticked rather than written."""
_CONSENT_NAME: Final = re.compile(r"consent|opt ?in|einwillig|zustimm|consens|toestemming|zgod")
_CHOICE_ASKED: Final = re.compile(r"\b(?:how|preferred|wie|comment|como)\b")


def consents_of(one: FormField) -> list[str]:
    """The channels of which a field asks whether they may be used."""
    named = E_MAIL.sub("email", f"{fold_label(one.key)} {fold_label(one.label)}".strip())
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


def _denies(one: FormField) -> bool:
    """Whether a tick says no, such as below `Please do not call me`, or answers something else."""
    whole = fold_label(f"{one.key} {one.label}")
    if _OTHER_QUESTION.search(whole) or (_LEAVING.search(whole) and not _ANY_TIME.search(whole)):
        return True
    sentences = [
        E_MAIL.sub("email", fold_label(each)) for each in _SENTENCES.split(f"{one.key}. {one.label}")
    ]
    about = [
        each for each in sentences if any(words.search(each) for words in (_CONSENT, *_BY_CHANNEL.values()))
    ]
    return any(_NEGATED.search(each) for each in about)
