"""The click ids that ad networks and mail tools add to links."""

from typing import NamedTuple


class ClickId(NamedTuple):
    """What a click id says: the source, and the medium if it proves one.

    `paid` is the medium where the plan says that the id proves payment.
    """

    source: str
    medium: str = ""
    paid: str = "cpc"


CLICK_IDS = {
    "gclid": ClickId("google", "cpc"),
    "gbraid": ClickId("google", "cpc"),
    "wbraid": ClickId("google", "cpc"),
    "msclkid": ClickId("bing", "cpc"),
    "dclid": ClickId("doubleclick", paid="display"),
    "yclid": ClickId("yandex"),
    "fbclid": ClickId("facebook", "social"),
    "igshid": ClickId("instagram", "social"),
    "igsh": ClickId("instagram", "social"),
    "ttclid": ClickId("tiktok"),
    "twclid": ClickId("twitter"),
    "li_fat_id": ClickId("linkedin"),
    "epik": ClickId("pinterest"),
    "rdt_cid": ClickId("reddit"),
    "sccid": ClickId("snapchat"),
    "qclid": ClickId("quora"),
    "vmcid": ClickId("yahoo"),
    "obclid": ClickId("outbrain"),
    "tblci": ClickId("taboola"),
    "irclickid": ClickId("impact", paid="affiliate"),
    "mc_cid": ClickId("mailchimp", "email"),
    "mc_eid": ClickId("mailchimp", "email"),
    "_hsenc": ClickId("hubspot", "email"),
    "_hsmi": ClickId("hubspot", "email"),
}
"""The known click ids, those that prove payment first. Names are compared without case."""
