"""Countries as people write them."""

import re
import unicodedata

from app.plan.language.countries import COUNTRIES, country_code

# ISO 3166 alpha-3 by alpha-2, for the codes that forms and CRMs send.
_ALPHA_3 = """
AD AND AE ARE AF AFG AG ATG AI AIA AL ALB AM ARM AO AGO AQ ATA AR ARG AS ASM AT AUT AU AUS AW ABW AX ALA
AZ AZE BA BIH BB BRB BD BGD BE BEL BF BFA BG BGR BH BHR BI BDI BJ BEN BL BLM BM BMU BN BRN BO BOL BQ BES
BR BRA BS BHS BT BTN BV BVT BW BWA BY BLR BZ BLZ CA CAN CC CCK CD COD CF CAF CG COG CH CHE CI CIV CK COK
CL CHL CM CMR CN CHN CO COL CR CRI CU CUB CV CPV CW CUW CX CXR CY CYP CZ CZE DE DEU DJ DJI DK DNK DM DMA
DO DOM DZ DZA EC ECU EE EST EG EGY EH ESH ER ERI ES ESP ET ETH FI FIN FJ FJI FK FLK FM FSM FO FRO FR FRA
GA GAB GB GBR GD GRD GE GEO GF GUF GG GGY GH GHA GI GIB GL GRL GM GMB GN GIN GP GLP GQ GNQ GR GRC GS SGS
GT GTM GU GUM GW GNB GY GUY HK HKG HM HMD HN HND HR HRV HT HTI HU HUN ID IDN IE IRL IL ISR IM IMN IN IND
IO IOT IQ IRQ IR IRN IS ISL IT ITA JE JEY JM JAM JO JOR JP JPN KE KEN KG KGZ KH KHM KI KIR KM COM KN KNA
KP PRK KR KOR KW KWT KY CYM KZ KAZ LA LAO LB LBN LC LCA LI LIE LK LKA LR LBR LS LSO LT LTU LU LUX LV LVA
LY LBY MA MAR MC MCO MD MDA ME MNE MF MAF MG MDG MH MHL MK MKD ML MLI MM MMR MN MNG MO MAC MP MNP MQ MTQ
MR MRT MS MSR MT MLT MU MUS MV MDV MW MWI MX MEX MY MYS MZ MOZ NA NAM NC NCL NE NER NF NFK NG NGA NI NIC
NL NLD NO NOR NP NPL NR NRU NU NIU NZ NZL OM OMN PA PAN PE PER PF PYF PG PNG PH PHL PK PAK PL POL PM SPM
PN PCN PR PRI PS PSE PT PRT PW PLW PY PRY QA QAT RE REU RO ROU RS SRB RU RUS RW RWA SA SAU SB SLB SC SYC
SD SDN SE SWE SG SGP SH SHN SI SVN SJ SJM SK SVK SL SLE SM SMR SN SEN SO SOM SR SUR SS SSD ST STP SV SLV
SX SXM SY SYR SZ SWZ TC TCA TD TCD TF ATF TG TGO TH THA TJ TJK TK TKL TL TLS TM TKM TN TUN TO TON TR TUR
TT TTO TV TUV TW TWN TZ TZA UA UKR UG UGA UM UMI US USA UY URY UZ UZB VA VAT VC VCT VE VEN VG VGB VI VIR
VN VNM VU VUT WF WLF WS WSM XK XKX YE YEM YT MYT ZA ZAF ZM ZMB ZW ZWE
"""

# What the table of names has in another form, and what countries call themselves.
_ALSO = {
    "antigua and barbuda": "AG", "bosnia": "BA", "burma": "MM", "myanmar": "MM", "cabo verde": "CV",
    "czech republic": "CZ", "democratic republic of the congo": "CD", "republic of the congo": "CG",
    "ivory coast": "CI", "east timor": "TL", "england": "GB", "northern ireland": "GB", "british isles": "GB",
    "great britain": "GB", "united kingdom": "GB", "britain": "GB", "eswatini": "SZ", "swaziland": "SZ",
    "hong kong sar": "HK", "macau": "MO", "macao": "MO", "north korea": "KP", "republic of korea": "KR",
    "republic of ireland": "IE", "eire": "IE", "north macedonia": "MK", "macedonia": "MK", "palestine": "PS",
    "samoa": "WS", "american samoa": "AS", "syrian arab republic": "SY", "united states of america": "US",
    "us of a": "US", "taiwan roc": "TW", "turkiye": "TR", "vatican": "VA", "holy see": "VA",
    "republic of south africa": "ZA", "islamic republic of iran": "IR", "federal republic of germany": "DE",
    "belgie": "BE", "belgique": "BE", "danmark": "DK", "eesti": "EE", "hellas": "GR", "hrvatska": "HR",
    "island": "IS", "latvija": "LV", "lietuva": "LT", "magyarorszag": "HU", "nederland": "NL", "norge": "NO",
    "oesterreich": "AT", "polska": "PL", "romania": "RO", "schweden": "SE", "frankreich": "FR",
    "grossbritannien": "GB", "italien": "IT", "spanien": "ES", "niederlande": "NL", "polen": "PL",
    "slovensko": "SK", "slovenija": "SI", "suomi": "FI", "sverige": "SE", "svizzera": "CH",
    "ceska republika": "CZ", "cesko": "CZ", "republic of china": "TW",
    "democratic peoples republic of korea": "KP",
    "korea democratic peoples republic of": "KP", "brunei darussalam": "BN", "slovak republic": "SK",
    "central african republic": "CF", "st barthelemy": "BL", "timor leste": "TL",
    "turks and caicos islands": "TC", "sint maarten": "SX", "british virgin islands": "VG",
    "us virgin islands": "VI",
}  # fmt: skip

# German names: headers and cells of German files are read, so their countries are too.
_GERMAN = {
    "agypten": "EG", "aegypten": "EG", "albanien": "AL", "algerien": "DZ", "argentinien": "AR",
    "armenien": "AM", "aserbaidschan": "AZ", "athiopien": "ET", "aethiopien": "ET", "australien": "AU",
    "belgien": "BE", "bolivien": "BO", "bosnien und herzegowina": "BA", "brasilien": "BR", "bulgarien": "BG",
    "danemark": "DK", "daenemark": "DK", "estland": "EE", "finnland": "FI", "georgien": "GE",
    "griechenland": "GR", "indien": "IN", "indonesien": "ID", "irak": "IQ", "irland": "IE",
    "jordanien": "JO", "kambodscha": "KH", "kamerun": "CM", "kanada": "CA", "kasachstan": "KZ",
    "katar": "QA", "kenia": "KE", "kolumbien": "CO", "kroatien": "HR", "kuba": "CU", "lettland": "LV",
    "libanon": "LB", "libyen": "LY", "litauen": "LT", "luxemburg": "LU", "marokko": "MA", "mexiko": "MX",
    "moldau": "MD", "mongolei": "MN", "neuseeland": "NZ", "nordmazedonien": "MK", "norwegen": "NO",
    "philippinen": "PH", "rumanien": "RO", "rumaenien": "RO", "russland": "RU", "sambia": "ZM",
    "saudi arabien": "SA", "serbien": "RS", "simbabwe": "ZW", "singapur": "SG", "slowakei": "SK",
    "slowenien": "SI", "sudafrika": "ZA", "suedafrika": "ZA", "sudkorea": "KR", "suedkorea": "KR",
    "syrien": "SY", "tansania": "TZ", "tschechien": "CZ", "tschechische republik": "CZ", "tunesien": "TN",
    "turkei": "TR", "tuerkei": "TR", "ungarn": "HU", "usbekistan": "UZ",
    "vereinigte arabische emirate": "AE", "vereinigte staaten": "US",
    "vereinigte staaten von amerika": "US", "vereinigtes konigreich": "GB",
    "vereinigtes koenigreich": "GB", "weissrussland": "BY", "zypern": "CY",
}  # fmt: skip

_PUNCTUATION = re.compile(r"[^\w\s]")
# "Republic of …", "Islamic Republic of …": what follows is the name.
_STYLE = re.compile(r"(?:\w+ )*?(?:republic|kingdom|state|principality|commonwealth|sultanate) of (?:the )?")


def _folded(text: str) -> str:
    """Without case, accents, punctuation and a leading article."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ").replace("-", " ")).casefold()
    words = _PUNCTUATION.sub("", "".join(each for each in plain if not unicodedata.combining(each))).split()
    words = ["st" if word == "saint" else word for word in words]
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def _codes() -> dict[str, str]:
    alpha = _ALPHA_3.split()
    by_alpha_3 = {long.lower(): short for short, long in zip(alpha[::2], alpha[1::2], strict=True)}
    return by_alpha_3 | _ALSO | _GERMAN | {_folded(name): code for code, name in COUNTRIES.items()}


_CODES = _codes()
_LONGEST = 100


def code_of_country(text: str) -> str | None:
    """The ISO 3166 alpha-2 code of a code, an English, German or usual other name; None if it is none."""
    if code := country_code(text):
        return code
    if len(text) > _LONGEST:
        return None
    whole = _folded(text)
    # The last is the form of ISO 3166 and of CRMs that follow it: "Moldova, Republic of".
    tries = (whole, _STYLE.sub("", whole, count=1), _folded(text.partition(",")[0]))
    return next(filter(None, (_CODES.get(name) or country_code(name) for name in tries)), None)
