"""The closed lists of codes in traces and reasons, each with its meaning.

A plugged-in strategy brings the codes of its own verdicts. All other codes are here.
"""

REFUSALS: dict[str, str] = {
    "not_found": "The directory has no such owner or team.",
    "excluded": "The caller excluded the owner, or they never get this lead again.",
    "inactive": "The owner is not active.",
    "absent": "The owner is absent; `available_at` says until when.",
    "paused": "The owner is paused; `available_at` says until when.",
    "missing_skill": "The owner lacks a required skill.",
    "missing_language": "The owner does not speak a required language.",
    "cap_open": "The owner or the team member has reached the cap on open leads.",
    "cap_day": "The daily cap is reached; `available_at` is the next midnight in the owner's time zone.",
    "cap_week": "The weekly cap is reached; `available_at` is the next Monday in the owner's time zone.",
    "cap_rolling": "A rolling cap is reached; `available_at` says when a lead leaves its window.",
    "zero_weight": "The member has weight 0 and takes no leads of this team.",
    "off_shift": "The owner is outside their working hours; `available_at` is the start of their next shift.",
}
"""Why an owner cannot take the lead. Checked in this order; the member's weight, caps and shift come last."""

PICKS: dict[str, str] = {
    "chosen": "Selected.",
    "not_next": "Eligible, but another member was next in turn.",
    "share_taken": "Eligible, but has had their share of what waited; the others start their shift soon.",
    "more_open_leads": "Eligible, but has more open leads than the selected owner.",
    "assigned_more_recently": "Eligible, but got a lead more recently than the selected owner, or is listed "
    "after them in the team.",
}
"""What happened to an owner who could take the lead."""

CLAIMS: dict[str, str] = {
    "not_in_team": "The owner is not in the team that may claim from this queue.",
    "already_claimed": "The owner had the lead before and let the lease end, gave it back three times, or "
    "rejected it. `again: true` allows the claim unless it was a reject.",
    "claim_limit": "The owner holds as many untouched claims as the queue allows.",
    "held_for_another": "The lead is held for another owner, or for a team the owner is not in.",
}
"""Why an owner may not claim a lead, besides the refusals."""

NOT_AVAILABLE = "not_available"
"""What a key of one owner sees instead of the code of another owner."""

BYSTANDERS: dict[str, str] = {
    "never_due": "The SLA never comes due in the owner's working time, so they were passed over.",
    "not_considered": "The owner is in no team that the decision asked, or it asked no team.",
    "not_there_yet": "The owner came to the directory after the decision.",
    NOT_AVAILABLE: "Instead of any other code, where a key of one owner asks about others.",
}
"""Why an owner did not get a lead, besides the codes of candidates: `GET /assignments/{id}/why-not`."""

CANDIDATES: dict[str, str] = {**PICKS, **REFUSALS}
"""Every code of a candidate."""

TARGETS: dict[str, str] = {
    "chosen": "The lead went here.",
    "held": "Nobody here can take the lead yet; the plan holds it until an owner is available.",
    "off_hours": "Nobody here is on shift; the plan tries the next target.",
    "no_eligible_member": "No member of the team can take the lead.",
    "no_current_owner": "Nobody in the directory has the lead, and the caller sent no owner.",
}
"""The result of a target. A target that names an owner, or a team that is gone, can also have a refusal."""

STEPS: dict[str, str] = {
    "rule": "The rule settled it.",
    "round_robin": "The round-robin step settled it.",
    "queue": "The queue step settled it.",
    "score": "The target of the lead's band settled it; `labels` shows the band and the points.",
    "product": "The team of the product that the lead is interested in took it; `product` names the product.",
    "product_switch": "The same, for a returning lead that leaves the products in `previous_products`.",
    "no_product": "The lead is interested in none of the plan's products.",
    "scored": "The lead got a band and points, shown as `labels`, and went on to the next step.",
    "account": "A target of the account step settled it.",
    "no_account": "The lead matches no account.",
    "no_account_owner": "The lead's account has no owner in any of the step's roles.",
    "imported": "The lead was imported and stays with its owner.",
    "no_matching_row": "No row of the table matches the lead; `revision` is the table's revision.",
    "no_table": "The table does not exist, or its columns differ from those of the rule.",
    "undeclared_target": "The row names a queue or a path that the plan does not declare.",
    "manual": "The caller named the target.",
    "claimed": "An owner claimed it from a queue.",
    "handoff": "A handoff of the plan settled it.",
    "taken_away": "The owner missed a deadline, so the lead was taken away.",
    "escalated": "Nobody was in time, so the lead was escalated.",
    "given_back": "The owner who had claimed it gave it back to its queue.",
    "lease_ended": "The owner who had claimed it did not touch it in time, so it is back in its queue.",
    "max_wait": "The lead waited in its queue for as long as the plan allows.",
    "released": "The lead waited in its queue until a member of the queue's team was free.",
    "rejected": "The reason of a reject names the target.",
    "crm_owner": "Somebody changed the owner in the CRM.",
    "crm_queue": "Somebody put the lead into a queue in the CRM.",
    "crm_loop": "Changes in the CRM caused three decisions within an hour, so the lead waits.",
    "suppressed": "A suppression list has the address, the domain or the phone number of the lead; "
    "`list` names it, and `matched_by` says which.",
    "junk": "There are too many signs that the lead is junk; `parts` lists them with their points.",
    "junk_review": "The same, and somebody is to look at it.",
    "covered": "Its owner is on leave, so another one covers.",
    "returned": "Its owner is back, so the lead goes back to them.",
    "no_match": "The condition does not hold; `failed_condition` names the first comparison that failed.",
    "error": "The strategy failed or returned no valid verdict; `error` says how.",
    "same_company": "The owner of another lead of the same company takes it; `colleagues` names that lead.",
    "probable_person": "The owner of a lead that is probably the same person takes it too.",
    "owner_unavailable": "The owner of a lead that is probably the same person cannot take it.",
    "colleague_unavailable": "None of the owners of colleagues can take it, so the pipeline decides.",
    "fallback_queue": "No step took it, so it waits in the built-in queue.",
    "not_reached": "An earlier step settled it. Shown only when a decision is explained.",
}
"""The result of a step. A step whose targets all failed has the code of the last target."""

PLUGIN_ERRORS: dict[str, str] = {
    "timeout": "The plugin returned no verdict in time, and its process was ended.",
    "process_exited": "The plugin's process ended before it returned a verdict.",
    "unavailable": "The plugin is not installed, cannot read its settings, or had no process ready in time.",
    "paused": "The plugin failed repeatedly and is paused for some seconds.",
    "not_called": "The plugin was not called for this lead.",
    "invalid_verdict": "The plugin's reply is not a valid verdict.",
}
"""Why a plugin's step has the code `error`. For other failures, `error` is the type of the exception."""

RETURNING_LEADS: dict[str, str] = {
    "owner_kept": "The lead keeps its owner.",
    "account_owner": "The lead goes to the owner of its account.",
    "owner_not_kept": "The plan keeps no owner for this lead, so it is routed again.",
    "queue_place_kept": "The lead keeps its place in the queue.",
    "queue_left": "The lead said something new and left the queue, because somebody can take it now.",
    "product_switch": "The lead comes for another product, so it is routed again.",
    "reroute_when": "The plan routes such leads again.",
    "automated": "The lead was on a path, so it is routed again.",
    "blocked": "The lead was blocked, so it is routed again.",
    "closed": "The lead's assignment was closed, so it is routed again.",
    "suppressed": "The lead's address, domain or phone number is on a suppression list now.",
    "junk": "What was sent in the lead's name looks like junk, so the lead stays where it is.",
    "not_found": "The owner is no longer in the directory, so the lead is routed again.",
    "excluded": "The caller excluded the owner, so the lead is routed again.",
    "inactive": "The owner is not active, so the lead is routed again.",
    "absent": "The owner is absent, so the lead is routed again.",
}
"""The result of the step `returning_lead`."""

MATCHES: dict[str, str] = {
    "chosen": "The lead belongs to this account.",
    "lower_ranked": "Has the same score as the chosen one, which has an owner or is the parent.",
    "lower_score": "Another account has a higher score.",
    "equal_score": "Has the same score as another account, and nothing decides between them.",
    "below_threshold": "Found by its name, but the score is below the plan's threshold.",
    "conflict": "The domain and the company's name say different things, and no `conflict` is set.",
    "name_mismatch": "Found by its domain, but the lead names another company, which counts by the plan.",
    "agency": "Found by the domain of an agency, whose people work for the company that the lead names.",
    "succeeded": "Replaced by its successor.",
    "gone": "Found by its name, but deleted before the decision.",
    "changed": "Found by its name, but given another one before the decision.",
    "lower_priority_key": "Found by a key that is used only when the keys before it find nothing.",
    "free_email_domain": "Found by a domain of free email, and the account's tier is not `named`.",
}
"""The result of an account that a key of the lead found: `account.candidates` of a trace."""

REASONS: dict[str, str] = {
    "rule": "A rule settled it.",
    "round_robin": "A round-robin step settled it.",
    "queue": "A queue step settled it.",
    "score": "The lead's score settled it.",
    "product": "The product that the lead is interested in settled it.",
    "product_switch": "A returning lead came for another product and left its owner or its place in a queue.",
    "account_owner": "The owner of the lead's account took it.",
    "account_delegate": "The delegate of the account's owner took it.",
    "account_cover": "The account's owner is on leave, and the cover took it.",
    "account_team": "The account's owner was unavailable, and a team took it.",
    "account": "The account's owner was unavailable, and another target of the account step took it.",
    "customer_team": "The account is a customer, and the team for customers took it.",
    "probable_person": "The owner of a lead that is probably the same person took it.",
    "same_company": "The owner of another lead of the same company took it.",
    "imported": "The lead was imported and stays with its owner.",
    "manual": "The caller named the target.",
    "claimed": "An owner claimed it from a queue.",
    "handoff": "An event handed it off, as the plan says.",
    "taken_away": "The owner missed a deadline, and the next member got it.",
    "escalated": "Nobody was in time, so the lead went along `escalate_to` of its SLA.",
    "given_back": "The owner who had claimed it gave it back; it has its old place in the queue.",
    "lease_ended": "The lease of a claim ended without a touch; the lead has its old place in the queue.",
    "max_wait": "The lead waited in its queue for as long as the plan allows, and went on to the next place.",
    "released": "The lead waited in its queue until a member of the queue's team was free.",
    "rejected": "Its owner rejected it, and the reason says where it goes.",
    "crm_owner": "Somebody changed the owner in the CRM.",
    "crm_queue": "Somebody put the lead into a queue in the CRM.",
    "crm_loop": "Changes in the CRM caused three decisions within an hour; the lead waits in a queue.",
    "suppressed": "Its address, domain or phone number is on a suppression list.",
    "junk": "What was sent looks like junk, and the plan blocks it.",
    "junk_review": "What was sent looks like junk, and the plan has somebody look at it.",
    "covered": "Its owner is on leave, and the cover got it.",
    "returned": "Its owner is back from leave, and nobody had worked on it.",
    "held": "Nobody can take it yet; it waits in the built-in queue until `held_until`.",
    "duplicate": "The lead was submitted twice, without news; the owner or the place of the first submission "
    "stands.",
    "reengaged": "A returning lead keeps its owner or its place, or goes to the owner of its account.",
    "fallback_queue": "No step of the plan took it; it waits in the built-in queue.",
    "no_plan": "No plan is published; it waits in the built-in queue.",
}
"""The code of a decision: `reason.code` of the response."""

NO_ACTIONS: dict[str, str] = {
    "no_follow_up": "The plan has no follow-up.",
    "no_matching_block": "No block of the follow-up matches this decision.",
    "suppressed": "The lead is on a suppression list, so nothing contacts it; `withheld_actions` lists what "
    "would have.",
    "junk": "The lead was blocked as junk, so nothing contacts it; `withheld_actions` lists what would have.",
    "consent_missing": "The lead has not given the consent that the actions need; `withheld_actions` lists "
    "them.",
    "not_now": "The person is not contacted now, because of quiet hours or because they were contacted often "
    "enough; `withheld_actions` lists what, and until when.",
    "missing_value": "A value that the actions need, such as the name of a tag, is missing.",
    "no_owner": "The only action was a sign-in link, and the lead has no owner.",
    "no_crm_id": "The only action was to set the owner, and the owner has no CRM id.",
    "duplicate": "The lead was submitted twice, and the first submission had its actions.",
    "test": "The lead is a test, so nothing is to be done; `withheld_actions` lists what would have been.",
    "imported": "The lead was imported, so there is nothing to do.",
    "bulk_move": "The lead was moved together with others, and its owner has no CRM id to set.",
}
"""Why a decision has no actions: `no_actions_reason` of the trace."""
