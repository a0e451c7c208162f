"""LinkedIn Lead Sync. A notification holds ids only; the response and its form are fetched.

LinkedIn documents the signature over the body behind `hmacsha256=`; what is signed without that prefix is
accepted, too. The answers of a response name questions by ids, so their form tells what they mean.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.forms.vendors.base import (
    Delivery,
    FormAnswer,
    FormRequest,
    FormTerms,
    PlainForm,
    Proof,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import asked_in, check_signature
from app.values.booleans import read_boolean
from app.webhooks.vendors.payloads import dedupe_key, identifier, items_of, listed, mapping, moment, text

_PREFIX: Final = b"hmacsha256="
_CHALLENGE: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PREDEFINED: Final[Mapping[str, str]] = {
    "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "EMAIL": "email", "WORK_EMAIL": "email",
    "PHONE_NUMBER": "phone", "WORK_PHONE_NUMBER": "phone", "CITY": "city", "STATE": "state",
    "COUNTRY": "country", "ZIP_CODE": "postal_code", "JOB_TITLE": "title", "COMPANY_NAME": "company",
    "COMPANY_SIZE": "employees", "INDUSTRY": "industry",
}  # fmt: skip
_AROUND: Final = ("form_id", "form_name", "lead_type", "campaign_id", "creative_id")
_KNOWN: Final[Mapping[str, str]] = {
    **{f"\0{name}": meaning for name, meaning in _PREDEFINED.items()},
    **{f"\0{name}": f"attributes.{name}" for name in _AROUND},
}


class LinkedIn(PlainForm):
    """Implements FormKind."""

    kind = "linkedin"
    proof: Proof = "required"

    def handshake(self, request: FormRequest, terms: FormTerms) -> FormAnswer | None:
        """`challengeCode` comes back with what the newest secret makes of it."""
        if request.method not in ("GET", "HEAD"):
            return None
        sent = asked_in(request.query)
        code = sent.get("challengeCode", "")
        secret = next((each for each in terms.secrets if each), None)
        if secret is None or not _CHALLENGE.fullmatch(code):
            return None
        answer = {
            "challengeCode": code,
            "challengeResponse": hmac.digest(secret, code.encode(), "sha256").hex(),
        }
        return FormAnswer(200, json.dumps(answer).encode(), "application/json")

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        del now
        given = request.headers.get("x-li-signature", b"").strip().removeprefix(_PREFIX)
        signed = (_PREFIX + request.body, request.body)
        return check_signature(
            terms.secrets,
            given,
            lambda secret: [hmac.digest(secret, each, "sha256").hex().encode() for each in signed],
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery for each action on a lead. A response with its form in it is a lead."""
        document = read_json(request)
        if isinstance(document, dict) and "formResponse" in document:
            return [read_fetched(document, mapping(document.get("form")), terms)]
        inner = mapping(document).get("notifications") if isinstance(document, dict) else None
        found = [_notified(each) for each in items_of(inner if isinstance(inner, list) else document)]
        if not found:
            raise Unreadable("has no notification")
        return list({each.id: each for each in found}.values())


def read_fetched(response: Mapping[str, Any], form: Mapping[str, Any], terms: FormTerms) -> Delivery:
    """The lead of a response, with the questions of its form. Raises Unreadable.

    Without the form, answers keep the ids of their questions as names.
    """
    id_ = identifier(response.get("id"))
    answers = mapping(response.get("formResponse")).get("answers")
    if id_ is None or not isinstance(answers, list):
        raise Unreadable("is not a response of a lead form")
    metadata = mapping(mapping(response.get("leadMetadata")).get("sponsoredLeadMetadata"))
    around = {
        "form_id": identifier(response.get("versionedLeadGenFormUrn")) or identifier(form.get("id")),
        "form_name": text(form.get("name")),
        "lead_type": text(response.get("leadType")),
        "campaign_id": identifier(metadata.get("campaign")),
        "creative_id": identifier(mapping(response.get("associatedEntity")).get("associatedCreative")),
    }
    fields = [
        *(FormField(f"\0{name}", value, name=name) for name, value in around.items()),
        *sorted(_answers(answers, form), key=lambda each: not each.key.startswith("\0WORK_")),
        *_consents(response, form),
        *_hidden(form),
    ]
    found = map_fields(fields, terms.mapping, _KNOWN)
    return Delivery(
        "lead",
        f"{id_}:CREATED",
        record=id_,
        lead={**found.lead, "submission_id": id_},
        at=moment(response.get("submittedAt")),
        is_test=read_boolean(response.get("testLead")) is True,
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _notified(item: Mapping[str, Any]) -> Delivery:
    response, action = identifier(item.get("leadGenFormResponse")), text(item.get("leadAction")).upper()
    at = moment(item.get("occurredAt"))
    notification = identifier(item.get("notificationId")) or identifier(item.get("id"))
    other = notification or dedupe_key("linkedin", sorted(map(str, item.items())))
    if not {"type", "leadAction", "leadGenFormResponse", "notificationId"} & item.keys():
        raise Unreadable("is no notification")
    if text(item.get("type")) not in ("LEAD_ACTION", "") or response is None:
        if text(item.get("type")) == "LEAD_ACTION":
            return Delivery("fetch", other, at=at, code="response_missing")
        return Delivery("ignore", other, at=at)
    # The id of a response, without what its URN has around it.
    record = response.rpartition(":")[2] or response
    id_ = f"{record}:{action}"
    if action == "DELETED":
        return Delivery("erase", id_, record=record, at=at)
    if action != "CREATED":
        return Delivery("ignore", id_, record=record, at=at)
    fetch = {
        "response": response,
        "form": identifier(item.get("leadGenForm")),
        "lead_type": text(item.get("leadType")),
        "owner": {name: text(value) for name, value in mapping(item.get("owner")).items()},
    }
    return Delivery("fetch", id_, record=record, at=at, fetch=fetch)


def _questions(form: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    asked = listed(mapping(form.get("content")).get("questions")) or listed(form.get("questions"))
    return {id_: each for each in map(mapping, asked) if (id_ := identifier(each.get("questionId")))}


def _answers(answers: Sequence[Any], form: Mapping[str, Any]) -> Iterator[FormField]:
    questions = _questions(form)
    for each in map(mapping, answers):
        id_ = identifier(each.get("questionId")) or ""
        question = questions.get(id_, {})
        predefined = text(question.get("predefinedField"))
        name = text(question.get("name"))
        label = _localized(question.get("question"))
        value = _value(mapping(each.get("answerDetails")), question)
        key = f"\0{predefined}" if predefined in _PREDEFINED else name or id_
        yield FormField(key, value, label=label or predefined, name=name or label or predefined or id_)


def _value(details: Mapping[str, Any], question: Mapping[str, Any]) -> Any:
    written = mapping(details.get("textQuestionAnswer")).get("answer")
    if written is not None:
        return written
    chosen = mapping(details.get("multipleChoiceAnswer")).get("options")
    choices = mapping(mapping(question.get("questionDetails")).get("multipleChoiceQuestionDetails"))
    texts = {
        id_: _localized(each.get("text"))
        for each in map(mapping, listed(choices.get("options")))
        if (id_ := identifier(each.get("id")))
    }
    found = [texts.get(id_) or id_ for each in listed(chosen) if (id_ := identifier(each))]
    return found[0] if len(found) == 1 else found


def _consents(response: Mapping[str, Any], form: Mapping[str, Any]) -> Iterator[FormField]:
    """The ticks below the form's legal text."""
    legal = mapping(mapping(form.get("content")).get("legalInfo"))
    sentences = {
        id_: _localized(each.get("consent")) or _localized(each.get("text"))
        for each in map(mapping, listed(legal.get("consents")))
        if (id_ := identifier(each.get("id")) or identifier(each.get("consentId")))
    }
    for each in map(mapping, listed(mapping(response.get("formResponse")).get("consentResponses"))):
        id_ = identifier(each.get("consentId")) or ""
        accepted = each.get("accepted")
        yield FormField(
            f"consent_{id_}", accepted, label=sentences.get(id_, ""), type="consent", name=f"consent_{id_}"
        )


def _hidden(form: Mapping[str, Any]) -> Iterator[FormField]:
    for each in map(mapping, listed(form.get("hiddenFields"))):
        if name := identifier(each.get("name")):
            yield FormField(name, each.get("value"))


def _localized(value: Any) -> str:
    """The text in the first of its languages."""
    if isinstance(value, str):
        return value.strip()
    texts = mapping(mapping(value).get("localized"))
    return next((text(each) for each in texts.values() if text(each)), "")
