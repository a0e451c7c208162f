"""Every problem that a caller can get, each with its status, code, title, cause and remedy.

Expected outcomes are values; these exceptions end a request. None of them may hold a submitted value:
`detail` is our own sentence, and a fault names a place, never what was sent there. `docs/errors.md` is
generated from here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import random
from typing import Any, ClassVar

Path = tuple[str | int, ...]

MAX_RETRY_AFTER = 4
"""Callers that are refused under load are told to come back after a random time of 1 to this many seconds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a request: its path (keys and list positions), a code, and a message.

    `place` is where the path starts: `body`, `query`, `header` or `cookie`.
    """

    path: Path
    code: str
    detail: str
    place: str = "body"


class Problem(Exception):
    """Ends the request with `status`. Programs read `code`, which is stable; people read `detail`.

    `members` are further members of the problem document. `faults_total` counts also those faults that are
    not among `faults`.
    """

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Internal error"
    cause: ClassVar[str] = "The service has a defect."
    remedy: ClassVar[str] = "Retry with the same Idempotency-Key. If it persists, report the `request_id`."
    retry_after: int | None = None
    """Seconds for the Retry-After header."""

    def __init__(self, detail: str = "", *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.faults_total = len(self.faults)
        self.members: dict[str, Any] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that the response must carry."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class LeadNotDecided(Problem):
    """A lead that broke the engine. It is stored and counted as failed."""

    code, title = "lead_not_decided", "The lead could not be decided"
    cause = "Deciding the lead failed because of a defect. The lead is stored with the state `failed`."
    remedy = "Report the `request_id`. The lead is not lost."


class BadRequest(Problem):
    """Something about the request itself, not its body, is not acceptable."""

    status, code, title = 400, "bad_request", "Bad request"
    cause = "A header or the query cannot be read, or the body ended early."
    remedy = "Correct the request as `detail` says."


class MalformedJson(Problem):
    """The body is not strict JSON (RFC 8259 within the limits of I-JSON)."""

    status, code, title = 400, "malformed_json", "Malformed JSON"
    cause = "The body is not valid JSON, or an object holds a key twice."
    remedy = "Send valid JSON. `detail` gives the position."


class Unauthenticated(Problem):
    """No key, or an unknown one. The response does not tell which."""

    status, code, title = 401, "unauthenticated", "A valid API key is required"
    cause = "The request has no API key, or the key is unknown or revoked."
    remedy = "Send `Authorization: Bearer <key>` with a valid key."

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="lead-assignment"'}


class WorkspaceDeleted(Unauthenticated):
    """The workspace is gone, and so are its keys; this one was valid a moment ago."""

    status, code, title = 401, "workspace_deleted", "The workspace was deleted"
    cause = "The workspace of the API key was deleted while the request was under way. Nothing was written."
    remedy = "Use a key of another workspace."


class WebhookRefused(Problem):
    """A delivery that is not genuine. The response does not tell why."""

    status, code, title = 401, "webhook_refused", "The delivery is not genuine"
    cause = "The signature, token or password of the delivery does not fit the endpoint, or its time is off."
    remedy = "Compare the secret, the public address and the organization of the endpoint with the CRM's."

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Webhook"}


class Forbidden(Problem):
    """The key is known, but may not do this."""

    status, code, title = 403, "forbidden", "Forbidden"
    cause = "The API key lacks the scope of the route, or is bound to another owner."
    remedy = "Use a key with one of the scopes that `detail` names."


class DevelopmentOnly(Forbidden):
    """The route works in development only."""

    code, title = "development_only", "Available in development only"
    cause = "The clock of a workspace cannot be set in production."
    remedy = "Use a development installation."


class ClaimRefused(Forbidden):
    """An owner may not claim. The code is one of the engine's claim codes, such as `absent`."""

    code, title = "claim_refused", "The owner may not claim"
    cause = "The owner may not claim this lead or from this queue. `code` gives the reason."
    remedy = "Claim for another owner, or remove the reason."

    def __init__(self, code: str) -> None:
        super().__init__("The owner may not claim from this queue now.")
        self.code = code


class NotFound(Problem):
    """Nothing of that name in the caller's workspace. Other workspaces look the same."""

    status, code, title = 404, "not_found", "Not found"
    cause = "The workspace has no such route or record."
    remedy = "Check the URL and the id."


class MethodNotAllowed(Problem):
    """The route exists, but not with this method."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"
    cause = "The route does not support the method."
    remedy = "Use a method of the `Allow` header."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": self.allow}


class RequestTimeout(Problem):
    """The body did not arrive in time."""

    status, code, title = 408, "request_timeout", "Request timeout"
    cause = "The body did not arrive in time."
    remedy = "Send the request again."

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Connection": "close"}


class Conflict(Problem):
    """The current state does not allow the request."""

    status, code, title = 409, "conflict", "Conflict"
    cause = "The current state does not allow the request."
    remedy = "Read the current state and decide again."


class OwnerInactive(Conflict):
    """The named owner is not active."""

    code, title = "inactive", "The owner is not active"
    cause = "The owner that the request names is not active."
    remedy = "Name another owner, or activate this one."


class ConsoleLinksOff(Conflict):
    """The service makes no sign-in links, because of its settings."""

    code, title = "console_links_off", "The service makes no sign-in links"
    cause = "The console is off, or the service does not know its public address."
    remedy = "Switch the console on, and set `LEAD_ASSIGNMENT_PUBLIC_BASE_URL`."


class OverCap(Conflict):
    """The named owner has reached a cap."""

    code, title = "over_cap", "The owner has reached a cap"
    cause = "The owner that the request names has reached one of their caps."
    remedy = "Name another owner, or send `force: true`. The decision then says `over_cap`."


class AssignmentSuperseded(Conflict):
    """The lead has moved on. `owner_id` is the present owner, for callers who may know."""

    code, title = "superseded", "The assignment is superseded"
    cause = "The lead has a newer assignment than the one in the request. `since` says since when."
    remedy = "Read the lead, and use its current assignment."

    def __init__(self, since: datetime | None = None, owner_id: str | None = None) -> None:
        super().__init__()
        self.members = {"state": "superseded", "since": since}
        if owner_id is not None:
            self.members["owner_id"] = owner_id


class AlreadyClosed(Conflict):
    """The assignment is closed."""

    code, title = "already_closed", "The assignment is closed"
    cause = "The assignment was closed before. `since` says when."
    remedy = "Nothing to do. A new lead of the same person opens a new assignment."

    def __init__(self, since: datetime) -> None:
        super().__init__()
        self.members = {"state": "closed", "since": since}


class AlreadyTouched(Conflict):
    """The lead cannot be rejected any more."""

    code, title = "already_touched", "The lead was touched already"
    cause = "Somebody has touched the lead, and the plan allows no reject after that. `since` says when."
    remedy = "Close the lead, or reassign it."

    def __init__(self, since: datetime) -> None:
        super().__init__()
        self.members = {"state": "open", "since": since}


class AmbiguousAssignment(Conflict):
    """The request names several leads, or a lead with several open assignments."""

    code, title = "ambiguous", "Several assignments fit"
    cause = "The key belongs to several leads, or the lead has several open assignments."
    remedy = "Send one of the ids in the response, or the owner in `by`."

    def __init__(self, ids: Sequence[str], name: str) -> None:
        super().__init__()
        self.members = {name: list(ids)}


class QueueEmpty(Conflict):
    """The queue has no leads to claim."""

    code, title = "queue_empty", "The queue is empty"
    cause = "The queue has no leads to claim."
    remedy = "Try again later."


class LeadNotInQueue(Conflict):
    """The lead is not in this queue, or no longer."""

    code, title = "lead_not_in_queue", "The lead is not in the queue"
    cause = "The lead was claimed or routed elsewhere, or never was in this queue."
    remedy = "Claim another lead."

    def __init__(self, state: str | None = None, since: datetime | None = None) -> None:
        super().__init__()
        if state is not None:
            self.members = {"state": state, "since": since}


class NotClaimed(Conflict):
    """Only a claim can be given back."""

    code, title = "not_claimed", "The lead was not claimed"
    cause = "The assignment did not come from a claim, so there is no queue to which it returns."
    remedy = "Reject the lead, or reassign it."


class NotBlocked(Conflict):
    """Only a blocked lead can be unblocked."""

    code, title = "not_blocked", "The lead is not blocked"
    cause = "The assignment did not block the lead. A lead that waits for a review is not blocked either."
    remedy = "Reassign the lead, or claim it from its queue."


class LeaseLost(Conflict):
    """The lease of an action has ended, or another one has begun."""

    code, title = "lease_lost", "The lease is lost"
    cause = "The lease with this token has ended, or the action was never leased with it."
    remedy = "Treat the action as not yours. Lease actions again."


class ActionLeased(Conflict):
    """Somebody else is executing the action."""

    code, title = "action_leased", "The action is leased"
    cause = "Somebody has leased the action and is executing it."
    remedy = "Only the holder of the lease can acknowledge it. Do not execute the action again."


class ActionNotDead(Conflict):
    """Only dead actions can be sent again."""

    code, title = "action_not_dead", "The action is not dead"
    cause = "The action was delivered, or will still be delivered."
    remedy = "Nothing to do."


class ActionReplaced(Conflict):
    """A later action makes this one wrong."""

    code, title = "action_superseded", "The action is superseded"
    cause = "A later action of the lead sets the same thing. Executing this one would undo it."
    remedy = "Acknowledge the action to take it off the list."


class DeliveryNotDead(Conflict):
    """Only dead messages can be sent again."""

    code, title = "delivery_not_dead", "The message is not dead"
    cause = "The message was delivered, or will still be sent."
    remedy = "Nothing to do."


class DeliveryReplaced(Conflict):
    """A later message makes this one wrong."""

    code, title = "delivery_superseded", "The message is superseded"
    cause = "A later message about the lead sets the same thing. Sending this one would undo it."
    remedy = "Nothing to do. The message expires 14 days after it was made."


class LastSecret(Conflict):
    """Messages to a target have to be signed."""

    code, title = "last_secret", "The target has no other secret"
    cause = "The target has one secret, and messages are never sent without a signature."
    remedy = "Add another secret first."


class RestoredCopy(Conflict):
    """This database is a copy, which must not act a second time."""

    code, title = "restored_copy", "This database is a copy"
    cause = "The database is a copy of the one that executes these actions."
    remedy = "To act here from now on, run `lead-assignment resume --here`."


class InUse(Conflict):
    """Something else depends on the record."""

    code, title = "in_use", "The record is in use"
    cause = "The active plan or another record refers to the record. `errors` gives the places."
    remedy = "Remove the references first."


class OwnerHasLeads(Conflict):
    """The owner to delete has open leads, or leads are held for them."""

    code, title = "owner_has_leads", "The owner has open leads"
    cause = "The owner has open leads, or leads are held for them: `open_leads` says how many."
    remedy = "Repeat the request with `open_leads=move` to route them again, or `open_leads=keep`."

    def __init__(self, count: int) -> None:
        super().__init__()
        self.members = {"open_leads": count}


class AlreadyActive(Conflict):
    """The plan version is active already."""

    code, title = "already_active", "The version is already active"
    cause = "The plan version is the active one."
    remedy = "Nothing to do."


class NeverPublished(Conflict):
    """Only a version that was active can be rolled back to."""

    code, title = "never_published", "The version was never published"
    cause = "A rollback needs a plan version that was active before."
    remedy = "Publish the version instead."


class PlanVersionUnreadable(Conflict):
    """The plan version behind a decision cannot be read by this release."""

    code, title = "plan_version_unreadable", "The plan version cannot be read"
    cause = "The decision was made with a plan version that this release can no longer read."
    remedy = "Ask a release that can read the plan version."


class MergedOfSeveral(Conflict):
    """The lead was merged of leads that are not one person, so erasing it would erase both."""

    code, title = "merged_of_several_people", "The lead was merged of several people"
    cause = "The lead was merged of leads that differ in a key or the name. `lead_ids` names them."
    remedy = "Undo the merge, then erase the lead of the person who asked."

    def __init__(self, lead_ids: Sequence[str]) -> None:
        super().__init__("The lead was merged of leads that are not one person.")
        self.members = {"lead_ids": list(lead_ids)}


class AlreadyMerged(Conflict):
    """The lead was merged into another one."""

    code, title = "already_merged", "The lead was merged into another one"
    cause = "The lead is no more: `survivor` is the lead that took its place."
    remedy = "Merge the survivor, or undo the merge first."

    def __init__(self, lead_id: str, survivor: str | None) -> None:
        super().__init__("A lead was merged into another one before.")
        self.members = {"lead_id": lead_id, "survivor": survivor}


class MergeNotUndoable(Conflict):
    """A merge cannot be undone any more."""

    code, title = "merge_not_undoable", "The merge cannot be undone"
    cause = (
        "`why` says it: `too_late` after 30 days, `erased` if one of the leads was erased or deleted, "
        "`merged_again` if the survivor was merged into another lead since."
    )
    remedy = "After `merged_again`, undo the later merge first."

    def __init__(self, why: str, survivor: str) -> None:
        super().__init__("The merge cannot be undone.")
        self.members = {"why": why, "survivor": survivor}


class Erased(Problem):
    """The data was erased, and stays so."""

    status, code, title = 410, "erased", "Erased"
    cause = "The personal data of this lead was erased. Nothing of it can be returned or repeated."
    remedy = "Do not retry. A person who comes back is a new lead, under a new Idempotency-Key."


class PreconditionFailed(Problem):
    """`If-Match` or `If-None-Match` does not hold for the record."""

    status, code, title = 412, "precondition_failed", "Precondition failed"
    cause = "The record has changed since it was read, or `If-None-Match: *` found a record."
    remedy = "Read the record, apply the change to it, and send its new ETag."


class TooLarge(Problem):
    """The body has more bytes than the route accepts."""

    status, code, title = 413, "too_large", "The body is too large"
    cause = "The body exceeds the size limit of the route."
    remedy = "Split the body. `detail` gives the limit."

    @property
    def headers(self) -> Mapping[str, str]:
        # The rest of the body is not read, so the connection cannot be used again.
        return {"Connection": "close"}


class UrlTooLong(Problem):
    """The URL has more bytes than the service reads."""

    status, code, title = 414, "url_too_long", "The URL is too long"
    cause = "The URL exceeds the limit of 8 KiB."
    remedy = "Send a shorter URL, for example fewer query parameters."


class UnsupportedMediaType(Problem):
    """The route does not read this content type."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"
    cause = "The route does not read the content type, or the body is compressed."
    remedy = "Send a content type that `detail` names, without compression."


class ValidationFailed(Problem):
    """Well-formed, but not valid. `faults` say where and why."""

    status, code, title = 422, "invalid", "The request is not valid"
    cause = "A field or parameter is not valid. `errors` gives each place, code and reason."
    remedy = "Correct the fields that `errors` names."


class PlanInvalid(ValidationFailed):
    """The plan has findings that prevent publishing."""

    code, title = "plan_invalid", "The plan is not valid"
    cause = "The plan has findings of severity `error`."
    remedy = "Correct the plan where `errors` says, and store it as a new version."


class PlanUnparseable(ValidationFailed):
    """The text is not a plan at all."""

    code, title = "plan_unparseable", "The plan cannot be parsed"
    cause = "The text is not valid YAML or JSON, is not a plan, or takes too long to check."
    remedy = "Correct the text where `errors` says."


class IdempotencyMismatch(Problem):
    """The idempotency key was used before, for another body or another route."""

    status, code, title = 422, "idempotency_key_reused", "The idempotency key was used for another request"
    cause = "The Idempotency-Key was sent before with another body or to another route."
    remedy = "Use a new key for a new request, and the same body for a retry."


class EventIdReused(Problem):
    """The id of the event came before, from the same source and with another body."""

    status, code, title = 422, "event_id_reused", "The event id was used for another event"
    cause = "The same source sent this event id before with another body."
    remedy = "Send each event with an id of its own, and the same body for a retry."


class TooManyFailures(Problem):
    """Too many failed authentications from this address or for this key id."""

    status, code, title = 429, "too_many_failures", "Too many failed authentications"
    cause = "Too many requests with a wrong API key came from this address or for this key."
    remedy = "Wait as `Retry-After` says, and correct the key."
    retry_after = 60

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyConnections(Problem):
    """This address has too many open connections."""

    status, code, title = 429, "too_many_connections", "Too many connections"
    cause = "The address has more open connections than the service allows."
    remedy = "Use fewer connections, and keep them open for several requests."
    retry_after = 1


class HeadersTooLarge(Problem):
    """The request line and the headers have more bytes than the service reads, or are too many."""

    status, code, title = 431, "headers_too_large", "The headers are too large"
    cause = "The headers exceed 32 KiB, or are more than 100."
    remedy = "Send fewer or shorter headers."


class RateLimited(Problem):
    """The key or the workspace calls more often than its rate allows. Nothing was read or stored."""

    status, code, title = 429, "rate_limited", "Too many requests"
    cause = "The key or its workspace sends more than its rate allows. `limit` says which of them."
    remedy = "Wait as `Retry-After` says, then go on more slowly. Ask the operator for a higher rate."

    def __init__(self, limit: str, *, retry_after: int, fields: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.members = {"limit": limit}
        self._fields = fields or {}

    @property
    def headers(self) -> Mapping[str, str]:
        return {**super().headers, **self._fields}


class QuotaExceeded(Problem):
    """The workspace has used up its quota of leads. Nothing was read or stored."""

    status, code, title = 429, "quota_exceeded", "The quota of leads is used up"
    cause = "The workspace has sent as many leads as its quota allows. `quota` is how many those are."
    remedy = (
        "Wait as `Retry-After` says: `free_at` is when the next lead is accepted. Ask for a larger quota."
    )

    def __init__(self, quota: int, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after
        free_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=retry_after)
        self.members = {"quota": quota, "free_at": free_at}


class Overloaded(Problem):
    """The wait for a decision would be too long. Nothing was stored."""

    status, code, title = 503, "overloaded", "Overloaded"
    cause = "The request would have to wait too long. Nothing was stored."
    remedy = "Retry after `Retry-After` seconds."
    retry_after = 1

    def __init__(self, detail: str = "", *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail, faults=faults)
        # Callers who were refused together must not come back together.
        self.retry_after = 1 + int(random() * MAX_RETRY_AFTER)  # noqa: S311 - no secret


class OutcomeUnknown(Problem):
    """The request may or may not have been executed."""

    status, code, title = 503, "outcome_unknown", "The outcome is unknown"
    cause = (
        "The deadline ended before the commit was confirmed, so the request may have been executed or not."
    )
    remedy = "Retry with the same Idempotency-Key, which never executes a request twice."
    retry_after = 1


class ShuttingDown(Problem):
    """The process ends soon. It still answers, but should get no new callers."""

    status, code, title = 503, "shutting_down", "Shutting down"
    cause = "The process was told to end. Until its port closes, it serves requests as before."
    remedy = "Send requests to another process."
    retry_after = 1


class DatabaseUnavailable(Problem):
    """The database does not respond. Nothing was stored."""

    status, code, title = 503, "database_unavailable", "The database is unavailable"
    cause = "The database does not respond. Nothing was stored."
    remedy = "Retry after `Retry-After` seconds."
    retry_after = 2


class DatabaseReadOnly(Problem):
    """The database takes no writes, so no decision can be made. Only `/readyz` tells it apart."""

    status, code, title = 503, "database_read_only", "The database is read-only"
    cause = "The database is a standby, or is set to read-only. Decisions need the primary."
    remedy = "Point `DATABASE_URL` to the primary, for example with `target_session_attrs=read-write`."
    retry_after = 2


class DatabaseFull(Problem):
    """The disk of the database is full. Only `/readyz` tells it apart."""

    status, code, title = 503, "database_full", "The disk of the database is full"
    cause = "The database has no room for another row."
    remedy = "Give the database more room. The service needs no restart."
    retry_after = 2


class DatabaseStalled(Problem):
    """The database takes writes and does not confirm them. Only `/readyz` tells it apart."""

    status, code, title = 503, "database_stalled", "The database does not confirm commits"
    cause = "A synchronous standby is away, or the disk of the database hangs."
    remedy = "Bring the standby back, or take it out of `synchronous_standby_names`."
    retry_after = 2


class SchemaOlder(Problem):
    """The schema is not that of the code. Only `/readyz` tells it apart."""

    status, code, title = 503, "schema_older", "The schema is older than the code"
    cause = "The migrations of this version have not been run, or the role lacks rights that they give."
    remedy = "Run `lead-assignment migrate` with the role that owns the tables."
    retry_after = 2


class SchemaNewer(Problem):
    """A later version has migrated the database in a way that this code cannot work with."""

    status, code, title = 503, "schema_newer", "The schema is newer than the code"
    cause = "A later version of the service has migrated the database, and this one cannot work with it."
    remedy = "Run the later version."
    retry_after = 2


class PoolerNotSet(Problem):
    """A pooler in transaction mode, and no setting that says so. Only `/readyz` tells it apart."""

    status, code, title = 503, "pgbouncer_not_set", "A pooler breaks prepared statements"
    cause = "Sessions share connections of the database, and the service was not told so."
    remedy = "Set `LEAD_ASSIGNMENT_PGBOUNCER=true` and restart, or connect to Postgres itself."
    retry_after = 2


class NoApiKey(Problem):
    """Nobody could call the service. Only `/readyz` says so."""

    status, code, title = 503, "no_api_key", "There is no API key"
    cause = "No valid API key exists, so the service cannot be called."
    remedy = "Create one with `lead-assignment keys create`. The service needs no restart."
    retry_after = 2


class SecretsKeyMissing(Problem):
    """There is no key with which secrets of other systems could be stored."""

    status, code, title = 503, "secrets_key_missing", "No key for secrets is set"
    cause = "The service has no key to encrypt secrets of other systems with."
    remedy = "Set `LEAD_ASSIGNMENT_SECRETS_KEY` to the output of `lead-assignment secrets generate`."


class SecretUnreadable(Problem):
    """A stored secret was encrypted with a key that is no longer set."""

    status, code, title = 503, "secret_unreadable", "A stored secret cannot be decrypted"
    cause = "None of the keys in `LEAD_ASSIGNMENT_SECRETS_KEY` fits a stored secret."
    remedy = "Add the earlier key to `LEAD_ASSIGNMENT_SECRETS_KEY`, after the newest."


FAULTS: dict[str, str] = {
    "required": "A required field is missing.",
    "invalid_url": "The URL is not absolute, or not written plainly.",
    "scheme_not_allowed": "The URL does not start with `https://`.",
    "userinfo_not_allowed": "The URL has a user name or a password.",
    "port_not_allowed": "The URL has another port than 443 or 8443.",
    "address_not_allowed": "The URL leads to an address that is not public.",
    "no_target": "No target takes actions of this type.",
    "unknown_field": "No field or parameter has this name.",
    "exactly_one": "Exactly one of several fields must be set.",
    "no_identity": "The lead has no external id, e-mail, phone, CRM id or company.",
    "wrong_type": "The value has the wrong type.",
    "not_allowed": "The value is not one of those allowed.",
    "successor_cycle": "The successors of the account lead back to it, or are too many to follow.",
    "out_of_range": "The number or date is too small or too large.",
    "too_precise": "The number has more than three decimal places.",
    "too_short": "The string is too short.",
    "too_long": "The string is too long.",
    "too_few_items": "The list or object has too few items.",
    "too_many_items": "The list or object has too many items.",
    "too_many_keys": "The object has too many keys.",
    "too_deep": "Lists and objects are nested too deeply.",
    "duplicate_key": "An object has a key twice, or a table a column.",
    "invalid_text": "The string contains a NUL character.",
    "not_utf8": "The body is not UTF-8.",
    "invalid": "The value is not valid.",
    "invalid_format": "The string does not have the required format.",
    "invalid_id": "The id contains a control character or a slash.",
    "invalid_date": "The value is not an ISO 8601 date.",
    "invalid_timestamp": "The value is not an ISO 8601 date and time.",
    "in_the_future": "The time is in the future.",
    "invalid_order": "The end is not after the start.",
    "invalid_duration": "The duration is not an integer with a unit, such as 3d.",
    "too_many_leads": "The filter fits more leads than one job takes.",
    "invalid_time": "The value is not a time of day, such as 21:00.",
    "empty_window": "The window ends when it begins.",
    "invalid_domain": "The value is not a domain.",
    "hash_refused": "The value is a hash. Lists need the value itself, and hash it.",
    "public_suffix": "The domain is a public suffix, below which everybody has domains.",
    "invalid_hours": "The opening hours cannot be read.",
    "unknown_holidays": "The opening hours have PH, and the public holidays are not known.",
    "unknown_timezone": "The value is not an IANA time zone.",
    "unknown_country": "The value is not an ISO 3166 country.",
    "unknown_owner": "The directory has no such owner.",
    "unknown_team": "The directory has no such team.",
    "unknown_endpoint": "There is no such endpoint.",
    "unknown_queue": "The active plan declares no such queue.",
    "excluded": "The request names an owner who is also excluded, or who never gets this lead again.",
    "duplicate_member": "The owner is a member of the team already.",
    "zero_weights": "No member of the team has a weight above 0.",
    "reserved_name": "The name is reserved.",
    "named_by_plan": "The active plan refers to the record here.",
}
"""The codes of faults in requests. Faults in plans have the codes of findings."""


def refused_at(path: Path, code: str, detail: str, place: str = "body") -> ValidationFailed:
    """A problem with one fault, ready to be raised."""
    return ValidationFailed(faults=[Fault(path, code, detail, place)])


def kinds_of_problem(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every kind of problem that a caller can get, in the order of this file."""
    yield kind
    for each in kind.__subclasses__():
        yield from kinds_of_problem(each)
