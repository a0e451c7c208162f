"""What an e-mail address says about the person behind it: shared mailboxes and aliases."""

import re

_ROLE_WORDS = """
abuse accounting accounts admin administration administrator admissions agency anfrage anfragen angebot bar
bestellung bestellungen bewerbung billing book booking bookings buchhaltung buchung buero biuro bureau
careers cc club comercial commercial compras contact contacto contactus contato contatti customercare
customerservice customersupport direccion direction direzione dispatch editor einkauf empfang enquiries
enquiry events export facturacion feedback finance finanzen frontdesk geschaeftsfuehrung gf hallo hello help
helpdesk hi hola hostmaster hotel hr info infobox informacion information informations inkoop inquiries
inquiry invoice invoices it jobs kancelaria kanzlei kantoor kasse kontakt kontor kundenservice leads legal
leitung mail mailbox mailbag management marketing media news newsletter noreply no-reply office
officemanager operations ops order orders partner partners personal pedidos post posta postfach postmaster
praxis presse press privacy procurement produktion projects purchase purchasing reception recepcion rechnung
rechnungen recruiting recruitment redaktion registration reservation reservations reservierung restaurant
root sales school secretariat secretary security sekretariat sekretariaat service services shop sklep
soporte staff studio support team technik tech ufficio uk us vendas ventas verkauf verkoop vertrieb
verwaltung webmaster welcome werbung willkommen zentrale
"""
_ROLES = frozenset(_ROLE_WORDS.split())
_DIGITS = re.compile(r"[0-9]+$")
_GMAIL = "gmail.com"
_SAME_MAILBOX = {"googlemail.com": _GMAIL}


def email_key(address: str) -> str:
    """The address as it is compared. `googlemail.com` is `gmail.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{_SAME_MAILBOX[domain]}" if domain in _SAME_MAILBOX else address


def email_alias(key: str) -> str:
    """The address that most likely gets the same mail: without the tag, and at Gmail without dots."""
    local, _, domain = key.rpartition("@")
    if "+" not in local and domain != _GMAIL:
        return key
    plain = local.partition("+")[0]
    if domain == _GMAIL:
        plain = plain.replace(".", "")
    return f"{plain}@{domain}" if plain else key


def is_role_address(key: str) -> bool:
    """Whether the address belongs to a role, such as `info@`, which several people may read."""
    local = key.rpartition("@")[0].partition("+")[0]
    return local in _ROLES or _DIGITS.sub("", local).rstrip(".-_") in _ROLES
