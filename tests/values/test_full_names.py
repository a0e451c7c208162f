"""Whole names are split as a person reads them."""

import pytest

from app.values.full_names import is_certain, split_full_name


@pytest.mark.parametrize(
    ("name", "first", "last", "certain"),
    [
        ("Mara Lind", "Mara", "Lind", True),
        ("Lind, Mara", "Mara", "Lind", True),
        ("van den Berg, Jan", "Jan", "van den Berg", True),
        ("Anna-Maria von der Heide", "Anna-Maria", "von der Heide", False),
        ("J. R. R. Tolkien", "J. R. R.", "Tolkien", False),
        ("山田 太郎", "太郎", "山田", True),
        ("MÜLLER Hans", "Hans", "MÜLLER", True),
        ("DE LA CRUZ Juan", "Juan", "DE LA CRUZ", False),
        ("Hans MÜLLER", "Hans", "MÜLLER", True),
        ("HANS MÜLLER", "HANS", "MÜLLER", True),
        ("JP Morgan", "JP", "Morgan", True),
        ("Петров Иван Иванович", "Иван Иванович", "Петров", False),
        ("Иван Иванович Петров", "Иван Иванович", "Петров", False),
        ("Herr Dr. Klaus Weber", "Klaus", "Weber", False),
        ("Prof. Dr. med. Lena Groß, MBA", "Lena", "Groß", False),
        ("Dr. rer. nat. Eva Berg", "Eva", "Berg", False),
        ("Mr John Smith Jr.", "John", "Smith", False),
        ("John Smith, PhD, MBA", "John", "Smith", False),
        ("Lind, Dr. Mara", "Mara", "Lind", True),
        ("Hans Müller (CEO)", "Hans", "Müller", False),
        ("Jun Ma", "Jun", "Ma", True),
        ("Pan Wei", "Pan", "Wei", True),
        ("Sam Sr", "Sam", "Sr", True),
        ("anna", "anna", None, True),
        ("Frau Schmidt", None, "Schmidt", False),
        ("Dr. Lind", None, "Lind", False),
        ("Mr.", "Mr.", None, True),
        ("(CEO)", "(CEO)", None, True),
        (" ", None, None, True),
    ],
)
def test_whole_name_is_split(name: str, first: str | None, last: str | None, certain: bool) -> None:
    parts = split_full_name(name)
    assert (parts.get("first_name"), parts.get("last_name"), is_certain(name)) == (first, last, certain)
