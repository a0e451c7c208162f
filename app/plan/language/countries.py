"""Countries by ISO 3166 code, from the table of the time zone database."""

from importlib.resources import files

_ALIASES = {
    "uk": "GB", "great britain": "GB", "united kingdom": "GB", "england": "GB", "scotland": "GB",
    "wales": "GB", "éire": "IE",
    "usa": "US", "united states of america": "US", "america": "US", "deutschland": "DE", "österreich": "AT",
    "schweiz": "CH", "suisse": "CH", "holland": "NL", "the netherlands": "NL", "españa": "ES", "italia": "IT",
    "brasil": "BR", "méxico": "MX", "south korea": "KR", "korea": "KR", "russian federation": "RU",
    "czechia": "CZ", "viet nam": "VN", "uae": "AE", "türkiye": "TR",
}  # fmt: skip


def _read() -> dict[str, str]:
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    # The code of Kosovo is user-assigned, but in general use.
    return dict(rows) | {"XK": "Kosovo"}


COUNTRIES: dict[str, str] = _read()
"""Code -> English name."""

_CODES = (
    {name.casefold(): code for code, name in COUNTRIES.items()}
    | _ALIASES
    | {c.casefold(): c for c in COUNTRIES}
)


def country_code(text: str) -> str | None:
    """The ISO 3166 alpha-2 code for a code, an English name or a common alias, else None."""
    return _CODES.get(text.strip().casefold())
