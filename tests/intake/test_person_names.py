"""Names contradict only when they cannot belong to one person."""

import pytest

from app.intake.person_names import are_written_apart, contradict, person_name


def name(text: str) -> dict[str, str]:
    """`First | Last`, or a whole name in one field."""
    first, _, last = (part.strip() for part in text.partition("|"))
    return {"first_name": first, "last_name": last}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana | Sol", "ANA | SOL"),
        ("Ana | Sol", "Sol | Ana"),
        ("Ana | Sol", "Ben | Sol"),
        ("José | García", "Jose | Garcia"),
        ("Jörg | Müller", "Joerg | Mueller"),
        ("Jörg | Müller", "Jorg | Muller"),
        ("Anna-Maria | Groß", "Anna Maria | Gross"),
        ("Eva | Müller-Schmidt", "Eva | Schmidt"),
        ("Eva | Meyer Sol", "Eva | Meyer-Sol"),
        ("Юлия | Иванова", "Yulia | Ivanova"),
        ("Дмитрий | Щербаков", "Dmitry | Shcherbakov"),
        ("Νίκος | Παπαδόπουλος", "Nikos | Papadopoulos"),
        ("Dr. Ana | Sol", "Ana | Sol"),
        ("Sol, Ana |", "Ana | Sol"),
        ("王 | 小明", "Xiaoming | Wang"),
        ("Lars | Jørgensen", "Lars | Jorgensen"),
        ("Sean | O'Brien", "Sean | OBrien"),
    ],
)
def test_two_spellings_of_one_name_do_not_contradict(one: str, other: str) -> None:
    assert not contradict(person_name(name(one)), person_name(name(other)))
    assert not contradict(person_name(name(other)), person_name(name(one)))


@pytest.mark.parametrize(
    "text",
    ["", "Ana |", "| Kurz", "M. | Kurz", "M | Kurz", "Ana | K.", "Sales | Team", "n/a | n/a", "Test | Test",
     "Headquarter |", "J.P. | Kurz", "- | -", "unknown | unknown"],
)  # fmt: skip
def test_incomplete_name_contradicts_nobody(text: str) -> None:
    assert not contradict(person_name(name(text)), person_name(name("Ben | Tor")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana | Sol", "Ben | Tor"),
        ("Ana | Sol", "Ana | Berg"),
        ("Ana Sol |", "| Ben Tor"),
        ("Юлия | Иванова", "Olga | Petrova"),
        ("王 | 小明", "李 | 小红"),
    ],
)
def test_names_of_two_people_contradict(one: str, other: str) -> None:
    assert contradict(person_name(name(one)), person_name(name(other)))


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("Jan | Novak", "Jan | Nowak", True),
        ("Anna | Kowalew", "Anna | Kovalev", True),
        ("Jan | Novák", "Jan | Novak", False),
        ("Jan | Новак", "Jan | Nowak", False),
        ("Ana | Weiß", "Ana | Weiss", False),
        ("Jan | Wójcik", "Jan | Wojcik", False),
        ("Ana | Sol", "Ben | Tor", False),
        ("M. | Novak", "Jan | Nowak", False),
    ],
)
def test_names_that_only_sound_alike_are_written_apart(one: str, other: str, apart: bool) -> None:
    names = person_name(name(one)), person_name(name(other))
    assert are_written_apart(*names) == are_written_apart(*reversed(names)) == apart
