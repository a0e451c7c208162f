"""Notifications of Zoho CRM."""

from typing import Any

TOKEN = b"TOKEN_FOR_VERIFICATION_OF_1000000068001"
ONE, TWO = "5725767000003000010", "5725767000003000011"


def notification(**parts: Any) -> dict[str, Any]:
    """A new lead; a part that is None is left out."""
    whole = {
        "server_time": 1796115598473, "query_params": {}, "module": "Leads",
        "resource_uri": "https://www.zohoapis.com/crm/v2/Leads", "ids": [ONE], "affected_fields": [],
        "operation": "insert", "channel_id": "1000000068001", "token": TOKEN.decode(),
    }  # fmt: skip
    return {key: value for key, value in (whole | parts).items() if value is not None}


OWNER = {"name": "Ana", "id": "5725767000000411001", "email": "ana@b.c"}
CHANGED = notification(
    operation="update",
    ids=[ONE, TWO],
    affected_fields=[{ONE: ["Owner", "Mobile", "City"]}, {TWO: ["Owner"]}],
    affected_values=[
        {"record_id": ONE, "values": {"Owner": OWNER, "Mobile": "123456789", "City": None}},
        {"record_id": TWO, "values": {"Owner": OWNER}},
    ],
)
