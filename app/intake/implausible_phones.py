"""Phone numbers that cannot be anybody's: typed to get past a form, or set aside for films and tests."""

import re

import phonenumbers

_COUNTED = frozenset(("1234567890", "0123456789", "9876543210", "0987654321"))
_LOCAL_FICTION = re.compile(r"55501[0-9]{2}")
_FICTION_WITHOUT_COUNTRY = re.compile(r"(?:1?[2-9][0-9]{2})?55501[0-9]{2}")
_MADE_UP_WITHOUT_0 = 9
"""The length of a counted number whose leading 0 is not part of the national number."""
_AUSTRALIAN_MOBILES = (
    "570006|57015[6-9]|570737|571266|571491|571804|572549|572665|572983|573770|573087|574118|574632|575254|"
    "575789|576398|576801|577426|577644|578957|578148|578888|579212|579760|579455"
)
_BRITISH_CITIES = "11[3-8]496|121496|131496|141496|151496|161496|191498"

# National numbers without the leading 0, as the regulators publish the ranges.
_FICTION = {
    1: re.compile(r"[0-9]{3}55501[0-9]{2}|50055500[0-9]{2}"),
    33: re.compile(r"19900[0-9]{4}|26191[0-9]{4}|35301[0-9]{4}|46571[0-9]{4}|53649[0-9]{4}|63998[0-9]{4}"),
    44: re.compile(
        rf"(?:{_BRITISH_CITIES})0[0-9]{{3}}|2079460[0-9]{{3}}|2890180[0-9]{{3}}|2896496[0-9]{{3}}|"
        r"2920180[0-9]{3}|1632960[0-9]{3}|7700900[0-9]{3}|8081570[0-9]{3}|9098790[0-9]{3}|3069990[0-9]{3}"
    ),
    46: re.compile(
        r"313900[6][0-4][0-9]|406280[4][0-4][0-9]|84650{2}4[0-9]{2}|980319[2][0-9]{2}|7017406(?:0[5-9]|[1-9][0-9])"
    ),
    49: re.compile(
        r"3023125[0-9]{3}|6990009[0-9]{3}|4066969[0-9]{3}|2214710[0-9]{3}|8999998[0-9]{3}|"
        r"15228817386|15228895456|15254599371|1729925904|1729968532|172997318[56]|1729980752|1749091317|"
        r"1749464308|176040690[0-9]{2}|17139200[0-9]{2}"
    ),
    61: re.compile(
        rf"[2378](?:5550|7010)[0-9]{{4}}|491(?:{_AUSTRALIAN_MOBILES})|1800160401|1[38]0097570[7-9]|1[38]0097571[01]"
    ),
    353: re.compile(r"2091[0-9]{5}"),
}
"""Ranges for fiction and tests, by country calling code."""


def is_implausible(country_code: int | None, national: str) -> bool:
    """Whether this number can be nobody's. It can still be a number in E.164.

    `national` is the number within its country. Only a whole number counts: a run of digits within one says
    nothing.
    """
    if _is_made_up(national) or (len(national) == _MADE_UP_WITHOUT_0 and _is_made_up(f"0{national}")):
        return True
    fiction = _FICTION.get(country_code or 0)
    return fiction is not None and fiction.fullmatch(national) is not None


def is_made_up(text: str, region: str | None) -> bool:
    """Whether the digits of this text, as typed, repeat one digit or count up or down.

    Also a North American number for films: without its area code there, or where the country is not known.
    """
    digits = "".join(filter(str.isdecimal, text))
    if _LOCAL_FICTION.fullmatch(digits) and phonenumbers.country_code_for_region(region or "") == 1:
        return True
    if region is None and _FICTION_WITHOUT_COUNTRY.fullmatch(digits):
        return True
    return _is_made_up(digits)


def _is_made_up(digits: str) -> bool:
    return len(set(digits)) == 1 or digits in _COUNTED
