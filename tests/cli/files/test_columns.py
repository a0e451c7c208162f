"""The columns of a file and the fields they mean."""

import pytest

from app.cli.context import CommandError
from app.cli.files.columns import ColumnOptions, fields_of


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("emial", "'emial' (did you mean email?)"),
        ("Postal Cde", "'Postal Cde' (did you mean postal_code?)"),
        ("Vornmae", "'Vornmae' (did you mean first_name?)"),
        ("Shoe size", "Unknown columns: 'Shoe size'. "),
    ],
)
def test_unknown_column_is_told_with_the_field_that_was_meant(column: str, told: str) -> None:
    with pytest.raises(CommandError) as refusal:
        fields_of(["company", column], ColumnOptions())
    assert told in str(refusal.value)


def test_mapping_to_an_unknown_field_is_told_with_the_field_that_was_meant() -> None:
    with pytest.raises(CommandError, match=r"'cuntry' is not a field of a lead\. Did you mean country\?"):
        fields_of(["company", "land"], ColumnOptions(mapped={"land": "cuntry"}))


@pytest.mark.parametrize("name", ["junk_score", "junk_cleared", "preferences.email", "email_domain"])
def test_no_column_sets_what_the_product_finds_out(name: str) -> None:
    with pytest.raises(CommandError, match="Unknown columns"):
        fields_of(["company", name], ColumnOptions())
    with pytest.raises(CommandError, match="is not a field of a lead"):
        fields_of(["company", "land"], ColumnOptions(mapped={"land": name}))
