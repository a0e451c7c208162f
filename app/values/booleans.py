"""Booleans as forms and files write them."""

_YES = """
true 1 yes on y ja j wahr oui vrai sí si verdadero sì vero sim verdadeiro tak ano áno da kyllä igen evet
да так ναι はい 是 예 네 نعم כן
"""
_NO = """
false 0 no off n nein falsch non faux falso não nao nee nej nei nie ne ei nem hayır hayir
нет ні όχι いいえ 否 아니요 아니오 لا לא
"""
_TRUE, _FALSE = frozenset(_YES.split()), frozenset(_NO.split())


def read_boolean(value: object) -> bool | None:
    """True for `true`, `1`, `yes`, `on`, `y` and their like in other languages, false for their opposites.

    Anything else, such as the label of a checkbox or a date, is neither.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    word = value.strip().casefold() if isinstance(value, str) else ""
    return True if word in _TRUE else False if word in _FALSE else None
