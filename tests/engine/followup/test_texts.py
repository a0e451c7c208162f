"""What a form sends does no harm in the titles and texts of actions."""

import pytest

from app.engine.followup.actions import MAX_TEXTS, FollowUp, compile_follow_up
from app.engine.followup.texts import MAX_TEXT, Text
from app.engine.model.decision import Decision
from app.engine.model.effort import MAX_ACTIONS, DecisionTooCostly
from app.plan.language.templates import parse_template
from tests.plan.plans import document
from tests.support.decisions import NOW


def filled(template: str, **lead: object) -> str:
    return Text(parse_template(template))({"lead": lead})


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<!channel> hi", "‹!channel> hi"),
        ("<@U123>", "‹@U123>"),
        ("<!subteam^S1>", "‹!subteam^S1>"),
        ("<https://evil.example|Reset>", "‹https://evil.example|Reset>"),
        ("@here @Everyone @channel", "＠here ＠Everyone ＠channel"),
        ("joe@here.example", "joe@here.example"),
        ("@here.example @here中 @he\u200dre @\u00adhere", "＠here.example ＠here中 ＠he\u200dre ＠here"),
        ("<\ufe0f!channel>", "‹\ufe0f!channel>"),
        ("Ana \u202eanA\u202c", "Ana anA"),
        ("a\x00b\x1b[31m\r\u2028c", "a b [31m  c"),
        ("Zoë 👩\u200d💻 <3", "Zoë 👩\u200d💻 <3"),
        ("line\nline", "line\nline"),
    ],
)
def test_what_a_form_sent_is_shown_and_commands_nothing(sent: str, shown: str) -> None:
    assert filled("{lead.first_name}", first_name=sent) == shown


def test_a_mention_of_the_plan_itself_stays() -> None:
    template = "<!channel> @here <@{owner.crm.slack}> {lead.first_name}"
    text = Text(parse_template(template))(
        {"lead": {"first_name": "@here"}, "owner": {"crm": {"slack": "U1"}}}
    )
    assert text == "<!channel> @here <@U1> ＠here"


@pytest.mark.parametrize("sent", [" " * 9_990, "(" + " " * 9_980, '"' + "\t" * 9_980, "," + " " * 9_980])
def test_a_long_run_of_spaces_is_one_space(sent: str) -> None:
    """Seconds would pass if each space were read as often as there are spaces."""
    text = filled("a{lead.first_name}b{lead.last_name}", first_name=sent)
    assert text == f"a{sent.strip()} b"


def test_values_that_vanish_are_read_only_up_to_a_limit() -> None:
    assert (
        filled("{lead.first_name}" * 9 + "{lead.last_name}", first_name="\u200b" * 9_999, last_name="x") == ""
    )


def test_a_mention_is_not_made_of_two_fields() -> None:
    assert filled("{lead.first_name}{lead.last_name}", first_name="@he", last_name="re") == "＠here"


def test_a_title_has_one_line() -> None:
    plan = follow_up({"do": [{"type": "task", "title": "Call {lead.first_name}"}]})
    (action,) = plan.after(QUEUED, {"first_name": "Ana\nBob"}, NOW).actions
    assert action["params"]["title"] == "Call Ana Bob"


QUEUED = Decision("queued", "queue", "", step="q", strategy="queue", queue="q")


def follow_up(*blocks: dict[str, object]) -> FollowUp:
    plan = document({"pipeline": [{"queue": {"name": "q"}}], "follow_up": list(blocks)})
    return compile_follow_up(plan.follow_up)


def test_a_text_is_cut() -> None:
    text = filled("{lead.first_name} and {lead.first_name}", first_name="x" * 8_000)
    assert len(text) == MAX_TEXT
    assert text.endswith("x…")


def test_all_texts_of_a_decision_together_are_bounded() -> None:
    many = [{"type": "task", "title": "{lead.first_name}" * 5} for _ in range(100)]
    actions = follow_up({"do": many}).after(QUEUED, {"first_name": "x" * 8_000}, NOW).actions
    assert len(actions) == 100
    assert sum(len(each["params"].get("title", "")) for each in actions) <= MAX_TEXTS + MAX_TEXT


def test_more_actions_than_a_lead_may_get_are_too_costly() -> None:
    block: dict[str, object] = {
        "when": {"outcome": "queued"},
        "do": [{"type": "tag", "name": "x"}] * (MAX_ACTIONS // 2 + 1),
    }
    assert len(follow_up(block).after(QUEUED, {}, NOW).actions) == MAX_ACTIONS // 2 + 1
    with pytest.raises(DecisionTooCostly):
        follow_up(block, block).after(QUEUED, {}, NOW)
