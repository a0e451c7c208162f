"""Typeform: the webhook `form_response`.

A signature counts only if the webhook has a secret. `token` names a submission; `event_id` only names the
attempt to deliver it. Questions that were not answered are missing.
"""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.forms.vendors.base import Delivery, FormRequest, FormTerms, PlainForm, Proof, Unreadable, Verified
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import CONTEXT, context, map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import check_signature
from app.webhooks.vendors.payloads import dedupe_key, identifier, listed, mapping, moment, text

_GENERATED: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|[A-Za-z0-9]{12}|field_.*")
"""References that Typeform made up. Others were written by a person, and stay when a title is changed."""
_VALUES: Final = (
    "text", "email", "phone_number", "url", "number", "boolean", "date", "file_url", "choice", "choices",
)  # fmt: skip
MAX_NESTING: Final = 8
_VARIABLE: Final = "\0variable:"
"""In front of the variables of a form. The form's logic sets them, so their names mean nothing."""


class Typeform(PlainForm):
    """Implements FormKind."""

    kind = "typeform"
    proof: Proof = "when_configured"
    retries = frozenset((429,))

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        del now
        return check_signature(
            terms.secrets,
            request.headers.get("typeform-signature"),
            lambda secret: [b"sha256=" + base64.b64encode(hmac.digest(secret, request.body, "sha256"))],
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead. An incomplete response is ignored: the complete one has the same token."""
        document = mapping(read_json(request))
        type_ = text(document.get("event_type"))
        response = mapping(document.get("form_response")) or document
        if not {"answers", "token", "hidden"} & response.keys():
            raise Unreadable("has no form_response")
        id_ = _id(response)
        if type_ not in ("", "form_response"):
            return [Delivery("ignore", f"{type_[:80]}:{id_}")]
        definition = mapping(response.get("definition"))
        form_id = identifier(response.get("form_id")) or identifier(definition.get("id"))
        fields = [
            *context(form_id=form_id, form_name=definition.get("title")),
            *_answers(response, definition),
            *_hidden(response),
        ]
        own = {each.key: f"attributes.{each.name}" for each in fields if each.key.startswith(_VARIABLE)}
        found = map_fields(fields, terms.mapping, {**CONTEXT, **own})
        return [
            Delivery(
                "lead",
                id_,
                lead=found.lead,
                at=moment(response.get("submitted_at")),
                flags=found.flags,
                unmapped=found.unmapped,
            )
        ]


def _id(response: Mapping[str, Any]) -> str:
    form = identifier(response.get("form_id")) or ""
    token = identifier(response.get("token")) or identifier(response.get("response_id"))
    return f"{form}:{token or dedupe_key('typeform', response.get('submitted_at'), response.get('answers'))}"


def _answers(response: Mapping[str, Any], definition: Mapping[str, Any]) -> Iterator[FormField]:
    asked = dict(_questions(definition, 0))
    for each in map(mapping, listed(response.get("answers"))):
        field = mapping(each.get("field"))
        ids = [id_ for name in ("ref", "id") if (id_ := identifier(field.get(name)))]
        question = next((asked[id_] for id_ in ids if id_ in asked), {})
        title = text(question.get("title")) or text(field.get("title"))
        type_ = text(each.get("type"))
        declared = text(field.get("type")) or text(question.get("type"))
        key = ids[0] if ids else title
        yield FormField(
            key,
            _value(each, type_),
            label=title,
            type=type_ if type_ in ("email", "phone_number") else declared or type_,
            name="" if _GENERATED.fullmatch(key) else key,
        )


def _questions(parent: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The questions by id and by reference, also those inside of groups."""
    inner = (*listed(parent.get("fields")), *listed(mapping(parent.get("properties")).get("fields")))
    for each in map(mapping, inner):
        for name in ("id", "ref"):
            if id_ := identifier(each.get(name)):
                yield id_, each
        if depth < MAX_NESTING:
            yield from _questions(each, depth + 1)


def _value(answer: Mapping[str, Any], type_: str) -> Any:
    """The value stands under the name of its type."""
    name = type_ if type_ in answer else next((each for each in _VALUES if each in answer), type_)
    value = answer.get(name)
    if not isinstance(value, dict):
        return value
    if name == "choices":
        return [*listed(value.get("labels")), *listed(value.get("other"))]
    return value.get("label") or value.get("other") or value


def _hidden(response: Mapping[str, Any]) -> Iterator[FormField]:
    """Hidden fields, variables and the score. What the visitor wrote goes before them."""
    for name, value in mapping(response.get("hidden")).items():
        yield FormField(name, value)
    variables = [mapping(each) for each in listed(response.get("variables"))]
    for each in variables:
        if key := identifier(each.get("key")):
            yield FormField(f"{_VARIABLE}{key}", each.get(text(each.get("type"))), name=key)
    score = mapping(response.get("calculated")).get("score")
    if score is not None and not any(each.get("key") == "score" for each in variables):
        yield FormField("score", score)
