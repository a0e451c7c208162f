"""The closed lists of codes that a trace and a reason may bear, each with its meaning.

A strategy that is plugged in brings the code of its own verdicts; all others stand here.
"""

REFUSALS: dict[str, str] = {
    "not_found": "The directory does not hold this owner or team.",
    "excluded": "The caller excluded the owner.",
    "inactive": "The owner is not active.",
    "absent": "The owner is absent; `available_at` says until when.",
    "paused": "The owner is paused; `available_at` says until when.",
    "missing_skill": "The owner lacks a skill that is asked for.",
    "missing_language": "The owner does not speak a language that is asked for.",
    "cap_open": "The owner, or his place in the team, has as many open leads as he may have.",
    "cap_day": "The cap of this local day is reached; `available_at` is the next midnight there.",
    "cap_week": "The cap of this local ISO week is reached; `available_at` is the next Monday there.",
    "cap_rolling": "A rolling cap is reached; `available_at` says when one of its leads falls out.",
    "zero_weight": "The member has weight 0 and takes no leads of this team.",
    "off_shift": "Out of the owner's hours; `available_at` says when his next shift begins.",
}
"""Why somebody is passed over. Asked in this order; a member's weight, caps and shift come last."""

PICKS: dict[str, str] = {
    "chosen": "It is he.",
    "not_next": "Eligible, but it was another's turn.",
    "more_open_leads": "Eligible, but he has more open leads than the chosen one.",
    "assigned_more_recently": "Eligible, but he waited less long, or stands later in the team.",
}
"""What came of somebody who could have taken the lead, and of the chosen one."""

CLAIMS: dict[str, str] = {
    "not_in_team": "The queue is for the members of another team.",
    "held_for_another": "The lead waits for another owner, or for a team he is not in.",
}
"""Why an owner may not claim, beside the refusals."""

CANDIDATES: dict[str, str] = {**PICKS, **REFUSALS}
"""Everything a candidate of a trace may bear."""

TARGETS: dict[str, str] = {
    "chosen": "The lead went there.",
    "held": "Nobody there can take the lead yet, and the plan holds it until somebody can.",
    "off_hours": "Nobody there is on shift, and the plan goes on.",
    "no_eligible_member": "No member of the team can take the lead.",
}
"""What came of a target. One that names an owner, or a team that is gone, may bear a refusal as well."""

STEPS: dict[str, str] = {
    "rule": "The rule settled it.",
    "round_robin": "The team's step settled it.",
    "queue": "The queue's step settled it.",
    "score": "The lead's band has a target, which settled it; `labels` shows band and points.",
    "product": "The team of the product the lead looks at has it; `product` names it.",
    "product_switch": "The same, for a returning lead that leaves the products in `previous_products`.",
    "no_product": "The lead looks at none of the plan's products.",
    "scored": "The lead got a band and points, shown as `labels`, and went on.",
    "account": "Somebody or something the account's step names settled it.",
    "no_account": "The lead belongs to no account.",
    "no_account_owner": "Nobody looks after the lead's account in any of the roles asked for.",
    "imported": "It existed already, and stays with its owner.",
    "no_matching_row": "No row of the table fits the lead; `revision` says of which state of it.",
    "no_table": "The table is not there, or its columns are not those of the rule.",
    "undeclared_target": "The row names a queue or a path that the plan does not declare.",
    "manual": "The caller said where it goes.",
    "claimed": "An owner took it out of a queue.",
    "no_match": "The condition does not hold; `failed_condition` names the first comparison that failed.",
    "error": "The strategy raised, or gave no verdict; `error` names the kind.",
    "fallback_queue": "No step took it, so it waits in the built-in queue.",
    "not_reached": "An earlier step had settled it (only where all rules are recomputed).",
}
"""What a step said. One whose targets all failed bears the code of the last."""

PLUGIN_ERRORS: dict[str, str] = {
    "timeout": "It gave no verdict within its time; its process was ended.",
    "process_exited": "Its process ended before it gave a verdict.",
    "unavailable": "No process of it was ready in time, or it is not installed or cannot read its settings.",
    "paused": "It overran its time or ended again and again, so it is left alone for some seconds.",
    "not_called": "It was not asked about this lead.",
    "invalid_verdict": "What it answered is no verdict.",
}
"""Why a plugin's step passed with the code `error`; else `error` names the kind of what it raised."""

KNOWN_PERSON: dict[str, str] = {
    "owner_kept": "He keeps his owner.",
    "account_owner": "He goes to the one who looks after his account.",
    "owner_not_kept": "The plan names nobody with whom he stays, so he is decided anew.",
    "queue_place_kept": "He keeps his place in the queue.",
    "product_switch": "He comes for another product, so he is decided anew.",
    "reroute_when": "The plan has such leads decided anew.",
    "automated": "He was on a path, so he is decided anew.",
    "blocked": "He was blocked, so he is decided anew.",
    "closed": "His assignment was closed, so he is decided anew.",
    "not_found": "His owner is gone from the directory, so he is decided anew.",
    "excluded": "His owner is excluded by the caller, so he is decided anew.",
    "inactive": "His owner is not active, so he is decided anew.",
    "absent": "His owner is absent, so he is decided anew.",
}
"""What the look at a known person said: step `returning_lead` of a trace."""

MATCHES: dict[str, str] = {
    "chosen": "The lead belongs to it.",
    "lower_ranked": "Found by the same key, but another account ranks first: one with an owner, or by id.",
    "lower_priority_key": "Found by a key that counts only where those before it find nothing.",
    "free_email_domain": "Found by a domain where anybody gets an address, and not of the tier `named`.",
}
"""What came of an account that one of the lead's keys found: `account.candidates` of a trace."""

REASONS: dict[str, str] = {
    "rule": "A rule settled it.",
    "round_robin": "The turn of a team settled it.",
    "queue": "A step that lets leads wait settled it.",
    "score": "Its score settled it.",
    "product": "The product it looks at settled it.",
    "product_switch": "A known person came for another product, and left his owner or his place for it.",
    "account_owner": "He looks after the lead's account.",
    "account_delegate": "He stands in for the one who looks after the lead's account.",
    "account_team": "Who looks after the lead's account cannot take it, and a team does.",
    "account": "Who looks after the lead's account cannot take it, and it goes where the plan says.",
    "customer_team": "The account is a customer, and the team for customers takes it.",
    "imported": "It existed already, and stays with its owner.",
    "manual": "Somebody said where it goes.",
    "claimed": "An owner took it out of a queue.",
    "held": "Nobody can take it yet; it waits in the built-in queue until `held_until`.",
    "duplicate": "The same submission came again: the owner or place of the first one stands.",
    "reengaged": "A known person came again and keeps his owner or his place.",
    "fallback_queue": "No step of the plan took it; it waits in the built-in queue.",
    "no_plan": "No plan is published; it waits in the built-in queue.",
}
"""The reason of a decision, as `reason.code` of the answer."""

NO_ACTIONS: dict[str, str] = {
    "no_follow_up": "The plan has no follow-up.",
    "no_matching_block": "No block of the follow-up is for this decision.",
    "consent_missing": "The lead has not given the consent the actions need; `withheld_actions` names them.",
    "missing_value": "What the actions need, such as the name of a tag, is missing.",
    "no_crm_id": "Only a new owner was to be set, and no CRM's id of him is known.",
    "duplicate": "The same submission came again, and has had its actions.",
    "imported": "It existed already: there is nothing to be done.",
}
"""Why a decision asks nothing of the caller, as `no_actions_reason` of the trace."""
