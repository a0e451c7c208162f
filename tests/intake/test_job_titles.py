"""What job titles say, and what they do not say."""

from typing import Any

import pytest

from app.intake.arrival import normalize
from app.intake.job_titles import read_title
from app.intake.lists import read_lines
from app.intake.merging import merged
from app.plan.language.fields import FUNCTIONS, SENIORITIES
from app.values.folding import fold


@pytest.mark.parametrize(
    ("title", "seniority", "function"),
    [
        ("VP of Sales", "vp", "sales"),
        ("vice president, engineering", "vp", "engineering"),
        ("Assistant Vice President", "vp", None),
        ("Chief Financial Officer", "c_level", "finance"),
        ("C.T.O.", "c_level", "engineering"),
        ("Geschäftsführer:in", "c_level", "general_management"),
        ("Vertriebsleiterin (m/w/d)", "head", "sales"),
        ("Leitung Personal", "head", "hr"),
        ("Founder & CEO", "owner", "general_management"),
        ("Directeur des ressources humaines", "director", "hr"),
        ("Gerente de Compras", "manager", "procurement"),
        ("Kierownik sprzedaży", "head", "sales"),
        ("Руководитель отдела продаж", "head", "sales"),
        ("Sr. Software Engineer", "senior", "engineering"),
        ("Logistikleiterin", "head", "operations"),
        ("Werksleiter", "head", None),
        ("Verkoopdirecteur", "director", "sales"),
        ("Försäljningschef", "head", "sales"),
        ("Økonomidirektør", "director", "finance"),
        ("Webentwicklerin", None, "engineering"),
        ("Begleiter", None, None),
        ("Chairman of the Board", "c_level", "general_management"),
        ("Prokurist", "director", None),
        ("Werkstudent Marketing", "intern", "marketing"),
        ("Executive Assistant to the CEO", "assistant", "administration"),
        ("Product Owner", None, "product"),
        ("HR Business Partner", None, "hr"),
        ("Lead Generation Specialist", None, None),
        ("VP Sales & Marketing", "vp", None),
        ("IT Consultant", None, "it"),
        ("MD", None, None),
        ("Chef", None, None),
        ("n/a", None, None),
        ("manager " * 30, None, None),
    ],
)
def test_title_says_rank_and_work_or_nothing(title: str, seniority: str | None, function: str | None) -> None:
    assert read_title(title) == (seniority, function)


def test_list_has_known_values_and_folded_phrases() -> None:
    for line in read_lines("titles.tab"):
        kind, value, *phrases = line.split("\t")
        assert value in ("-", *(SENIORITIES if kind == "seniority" else FUNCTIONS))
        assert [fold(each) for each in phrases] == phrases


def test_lead_has_what_its_title_says_and_nothing_else() -> None:
    lead = normalize({"company": "ACME", "title": "Head of Procurement"})
    assert (lead.values["seniority"], lead.normalized["function"]) == ("head", "procurement")
    silent: dict[str, Any] = normalize({"company": "ACME", "title": "Bee keeper"}).values
    assert not silent.keys() & {"seniority", "function"}


def test_a_new_title_replaces_what_the_former_one_said() -> None:
    before = normalize({"company": "ACME", "title": "Head of Procurement"}).values
    after = merged(before, normalize({"company": "ACME", "title": "Beekeeping manager"}).values)
    assert (after["seniority"], after.get("function")) == ("manager", None)
