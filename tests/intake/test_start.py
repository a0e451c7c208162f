"""What intake knows is read when the service starts: the first lead would hold up everybody for it."""

from app.intake import companies, domains, job_titles, mail_domains
from app.main import _load_lists

LISTS = (domains._suffixes, companies._icann, mail_domains._disposable, job_titles._phrases)


def test_lists_are_read_at_the_start() -> None:
    for each in LISTS:
        each.cache_clear()
    _load_lists()
    assert all(each.cache_info().currsize for each in LISTS)
