"""What the fields of each kind of CRM mean unless an endpoint says otherwise."""

from collections.abc import Mapping
from typing import Any

_CALL: Mapping[str, Any] = {"as": "activity", "event": "first_touch", "via": "phone"}
_EMAIL: Mapping[str, Any] = {"as": "activity", "event": "first_touch", "via": "email"}
_MEETING: Mapping[str, Any] = {"as": "activity", "event": "meeting", "via": "meeting"}
_TASK: Mapping[str, Any] = {"as": "activity", "event": "first_touch"}

_HUBSPOT_LINKS = {
    "association.contact": "link.contact",
    "association.contacts": "link.contact",
    "association.lead": "link.lead",
    "association.leads": "link.lead",
    "association.deal": "link.deal",
    "association.deals": "link.deal",
    "hubspot_owner_id": "owner",
}
HUBSPOT: Mapping[str, Any] = {
    "objects": {
        "contact": {
            "as": "lead",
            "fields": {
                "hubspot_owner_id": "owner",
                "firstname": "first_name",
                "lastname": "last_name",
                "email": "email",
                "phone": "phone",
                "company": "company",
                "jobtitle": "title",
                "website": "website",
                "country": "country",
                "state": "state",
                "city": "city",
                "zip": "postal_code",
                "hs_language": "language",
                "industry": "industry",
                "numemployees": "employees",
                "annualrevenue": "annual_revenue",
                "lifecyclestage": "lifecycle_stage",
                "hs_lead_status": "attributes.lead_status",
                "hubspotscore": "score",
            },
            "events": {
                "lifecyclestage": {"salesqualifiedlead": "qualified"},
                "hs_lead_status": {
                    "ATTEMPTED_TO_CONTACT": "first_touch",
                    "CONNECTED": "reached",
                    "UNQUALIFIED": "disqualified",
                },
                "hs_email_optout": {"true": "unsubscribed"},
            },
        },
        "lead": {"as": "lead", "fields": {"hubspot_owner_id": "owner", "hs_lead_name": "name"}},
        "deal": {
            "as": "deal",
            "fields": {
                "dealstage": "stage",
                "amount": "amount",
                "deal_currency_code": "currency",
                **_HUBSPOT_LINKS,
            },
            "stages": {"closedwon": "won", "closedlost": "lost"},
        },
        "call": {
            **_CALL,
            "fields": {**_HUBSPOT_LINKS, "hs_timestamp": "at"},
            "reached_when": {
                "hs_call_disposition": ["f240bbac-87c9-4f6e-bf70-924b57d47db7"],
                "hs_call_direction": ["INBOUND"],
            },
        },
        "email": {
            **_EMAIL,
            "fields": {**_HUBSPOT_LINKS, "hs_timestamp": "at"},
            "when": {"hs_email_direction": ["EMAIL", "INCOMING_EMAIL"]},
            "reached_when": {"hs_email_direction": ["INCOMING_EMAIL"]},
        },
        "meeting": {**_MEETING, "fields": {**_HUBSPOT_LINKS, "hs_meeting_start_time": "for"}},
        "task": {
            **_TASK,
            "fields": {**_HUBSPOT_LINKS, "hs_task_type": "via"},
            "when": {"hs_task_status": ["COMPLETED"]},
        },
        "user": {"as": "user", "fields": {"archived": "inactive", "hs_deactivated": "inactive"}},
    }
}

_SALESFORCE_PERSON = {
    "OwnerId": "owner",
    "FirstName": "first_name",
    "LastName": "last_name",
    "Email": "email",
    "Phone": "phone",
    "Title": "title",
    "LeadSource": "source",
}
SALESFORCE: Mapping[str, Any] = {
    "objects": {
        "lead": {
            "as": "lead",
            "fields": {
                **_SALESFORCE_PERSON,
                "Company": "company",
                "Website": "website",
                "Country": "country",
                "CountryCode": "country",
                "State": "state",
                "City": "city",
                "PostalCode": "postal_code",
                "Industry": "industry",
                "NumberOfEmployees": "employees",
                "AnnualRevenue": "annual_revenue",
                "Status": "attributes.lead_status",
            },
            "events": {
                "Status": {"Working - Contacted": "reached", "Closed - Not Converted": "disqualified"},
                "HasOptedOutOfEmail": {"true": "unsubscribed"},
            },
        },
        "contact": {
            "as": "lead",
            "fields": {
                **_SALESFORCE_PERSON,
                "AccountId": "crm.account_id",
                "MailingCountry": "country",
                "MailingState": "state",
                "MailingCity": "city",
                "MailingPostalCode": "postal_code",
            },
            "events": {"HasOptedOutOfEmail": {"true": "unsubscribed"}},
        },
        "deal": {
            "as": "deal",
            "fields": {
                "StageName": "stage",
                "Amount": "amount",
                "CurrencyIsoCode": "currency",
                "ContactId": "link.contact",
                "OwnerId": "owner",
            },
            "stages": {"Closed Won": "won", "Closed Lost": "lost"},
        },
        "task": {
            **_TASK,
            "fields": {"OwnerId": "owner", "WhoId": "link", "WhatId": "link.deal", "TaskSubtype": "via"},
            "when": {"Status": ["Completed"]},
        },
        "event": {
            **_MEETING,
            "fields": {
                "OwnerId": "owner",
                "WhoId": "link",
                "WhatId": "link.deal",
                "StartDateTime": "for",
                "ActivityDateTime": "for",
            },
        },
        "user": {"as": "user", "fields": {"IsActive": "active", "Name": "name", "Email": "email"}},
    }
}

_PIPEDRIVE_OWNER = {"owner_id": "owner", "user_id": "owner"}
_PIPEDRIVE_ACTIVITY: Mapping[str, Any] = {
    "fields": {
        **_PIPEDRIVE_OWNER,
        "person_id": "link.contact",
        "deal_id": "link.deal",
        "type": "via",
        "marked_as_done_time": "at",
    },
    "when": {"done": ["true", "1"]},
}
PIPEDRIVE: Mapping[str, Any] = {
    "objects": {
        "contact": {
            "as": "lead",
            "fields": {
                **_PIPEDRIVE_OWNER,
                "first_name": "first_name",
                "last_name": "last_name",
                "name": "name",
                "emails": "email",
                "email": "email",
                "phones": "phone",
                "phone": "phone",
                "org_name": "company",
                "job_title": "title",
                "org_id": "crm.account_id",
            },
        },
        "lead": {"as": "ignore"},
        "deal": {
            "as": "deal",
            "fields": {
                **_PIPEDRIVE_OWNER,
                "status": "stage",
                "value": "amount",
                "currency": "currency",
                "person_id": "link.contact",
            },
            "stages": {"won": "won", "lost": "lost", "open": "open"},
        },
        "call": {**_CALL, **_PIPEDRIVE_ACTIVITY},
        "email": {**_EMAIL, **_PIPEDRIVE_ACTIVITY},
        "meeting": {**_MEETING, **_PIPEDRIVE_ACTIVITY},
        "task": {**_TASK, **_PIPEDRIVE_ACTIVITY},
        "activity": {**_TASK, **_PIPEDRIVE_ACTIVITY},
        "user": {"as": "user", "fields": {"active_flag": "active", "name": "name", "email": "email"}},
    }
}

_DYNAMICS_PERSON = {
    "ownerid": "owner",
    "firstname": "first_name",
    "lastname": "last_name",
    "emailaddress1": "email",
    "telephone1": "phone",
    "jobtitle": "title",
    "address1_country": "country",
    "address1_stateorprovince": "state",
    "address1_city": "city",
    "address1_postalcode": "postal_code",
}
_DYNAMICS_ACTIVITY = {"ownerid": "owner", "regardingobjectid": "link", "actualend": "at"}
_DYNAMICS_DONE = {"statecode": ["1"]}
DYNAMICS: Mapping[str, Any] = {
    "objects": {
        "lead": {
            "as": "lead",
            "fields": {
                **_DYNAMICS_PERSON,
                "companyname": "company",
                "websiteurl": "website",
                "numberofemployees": "employees",
                "revenue": "annual_revenue",
                "statuscode": "attributes.lead_status",
            },
            "events": {
                "statecode": {"1": "qualified", "2": "disqualified"},
                "donotemail": {"true": "unsubscribed"},
            },
        },
        "contact": {
            "as": "lead",
            "fields": {**_DYNAMICS_PERSON, "parentcustomerid": "crm.account_id"},
        },
        "deal": {
            "as": "deal",
            "fields": {
                "statecode": "stage",
                "actualvalue": "amount",
                "ownerid": "owner",
                "originatingleadid": "link.lead",
                "parentcontactid": "link.contact",
            },
            "stages": {"0": "open", "1": "won", "2": "lost"},
        },
        "call": {**_CALL, "fields": _DYNAMICS_ACTIVITY, "when": _DYNAMICS_DONE},
        "email": {**_EMAIL, "fields": _DYNAMICS_ACTIVITY, "when": _DYNAMICS_DONE},
        "task": {**_TASK, "fields": _DYNAMICS_ACTIVITY, "when": _DYNAMICS_DONE},
        "meeting": {
            **_MEETING,
            "fields": {"ownerid": "owner", "regardingobjectid": "link", "scheduledstart": "for"},
            # All but canceled: open, completed, scheduled.
            "when": {"statecode": ["0", "1", "3"]},
        },
        "user": {
            "as": "user",
            "fields": {"isdisabled": "inactive", "fullname": "name", "internalemailaddress": "email"},
        },
    }
}

_ZOHO_PERSON = {
    "Owner": "owner",
    "First_Name": "first_name",
    "Last_Name": "last_name",
    "Email": "email",
    "Phone": "phone",
    "Lead_Source": "source",
}
_ZOHO_ACTIVITY = {"Owner": "owner", "Who_Id": "link", "What_Id": "link"}
ZOHO: Mapping[str, Any] = {
    "objects": {
        "lead": {
            "as": "lead",
            "fields": {
                **_ZOHO_PERSON,
                "Company": "company",
                "Designation": "title",
                "Website": "website",
                "Country": "country",
                "State": "state",
                "City": "city",
                "Zip_Code": "postal_code",
                "Industry": "industry",
                "No_of_Employees": "employees",
                "Annual_Revenue": "annual_revenue",
                "Lead_Status": "attributes.lead_status",
            },
            "events": {
                "Lead_Status": {
                    "Attempted to Contact": "first_touch",
                    "Contacted": "reached",
                    "Junk Lead": "spam",
                    "Lost Lead": "disqualified",
                    "Not Qualified": "disqualified",
                },
                "Email_Opt_Out": {"true": "unsubscribed"},
            },
        },
        "contact": {
            "as": "lead",
            "fields": {
                **_ZOHO_PERSON,
                "Title": "title",
                "Account_Name": "crm.account_id",
                "Mailing_Country": "country",
                "Mailing_State": "state",
                "Mailing_City": "city",
                "Mailing_Zip": "postal_code",
            },
            "events": {"Email_Opt_Out": {"true": "unsubscribed"}},
        },
        "deal": {
            "as": "deal",
            "fields": {
                "Stage": "stage",
                "Amount": "amount",
                "Currency": "currency",
                "Owner": "owner",
                "Contact_Name": "link.contact",
            },
            "stages": {"Closed Won": "won", "Closed Lost": "lost", "Closed-Lost to Competition": "lost"},
        },
        "call": {
            **_CALL,
            "fields": {**_ZOHO_ACTIVITY, "Call_Start_Time": "at"},
            "reached_when": {"Call_Type": ["Inbound"]},
        },
        "task": {**_TASK, "fields": _ZOHO_ACTIVITY, "when": {"Status": ["Completed"]}},
        "event": {**_MEETING, "fields": {**_ZOHO_ACTIVITY, "Start_DateTime": "for"}},
        "meeting": {**_MEETING, "fields": {**_ZOHO_ACTIVITY, "Start_DateTime": "for"}},
        "user": {"as": "user", "fields": {"status": "active", "full_name": "name", "email": "email"}},
    }
}

_STANDARD_PERSON = {
    "as": "lead",
    "fields": {
        "owner": "owner",
        "owner_id": "owner",
        **{
            name: name
            for name in (
                "first_name", "last_name", "name", "email", "phone", "title", "company", "website", "country",
                "state", "city", "postal_code", "language", "industry", "employees", "annual_revenue",
                "lifecycle_stage", "customer_status", "tier", "score", "source", "channel", "campaign",
            )
        },
        "status": "attributes.lead_status",
    },
    "events": {
        "status": {"qualified": "qualified", "disqualified": "disqualified", "unqualified": "disqualified"},
        "lifecycle_stage": {"qualified": "qualified", "salesqualifiedlead": "qualified"},
    },
}  # fmt: skip
_STANDARD_LINKS = {
    "owner": "owner",
    "owner_id": "owner",
    "lead_id": "link",
    "contact_id": "link",
    "contacts": "link",
    "deal_id": "link.deal",
}
STANDARD: Mapping[str, Any] = {
    "objects": {
        "lead": _STANDARD_PERSON,
        "contact": _STANDARD_PERSON,
        "deal": {
            "as": "deal",
            "fields": {
                **{name: each for name, each in _STANDARD_LINKS.items() if name != "deal_id"},
                "stage": "stage",
                "status": "stage",
                "amount": "amount",
                "currency": "currency",
            },
            "stages": {"won": "won", "closed_won": "won", "lost": "lost", "closed_lost": "lost"},
        },
        "call": {
            **_CALL,
            "fields": {**_STANDARD_LINKS, "at": "at"},
            "reached_when": {"outcome": ["reached", "connected", "answered"]},
        },
        "email": {
            **_EMAIL,
            "fields": {**_STANDARD_LINKS, "at": "at"},
            "reached_when": {"direction": ["inbound", "in"]},
        },
        "meeting": {
            **_MEETING,
            "fields": {**_STANDARD_LINKS, "at": "for", "start": "for", "starts_at": "for"},
        },
        "task": {
            **_TASK,
            "fields": {**_STANDARD_LINKS, "at": "at", "type": "via"},
            "when": {"status": ["completed", "done"]},
        },
        "user": {
            "as": "user",
            "fields": {
                "active": "active",
                "out_of_office": "away",
                "out_of_office_until": "away_until",
                "name": "name",
                "email": "email",
            },
        },
    }
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "hubspot": HUBSPOT,
    "salesforce": SALESFORCE,
    "pipedrive": PIPEDRIVE,
    "dynamics": DYNAMICS,
    "zoho": ZOHO,
    "standard": STANDARD,
}
"""The default mapping of each kind of endpoint."""
