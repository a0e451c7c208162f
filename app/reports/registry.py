"""Every report by name."""

from collections.abc import Mapping

from app.reports.acceptance import ACCEPTANCE
from app.reports.attribution import ATTRIBUTION
from app.reports.capacity import CAPACITY
from app.reports.contact import CONTACT
from app.reports.conversion import CONVERSION
from app.reports.experience import EXPERIENCE
from app.reports.fairness import FAIRNESS
from app.reports.qualification import QUALIFICATION
from app.reports.quality import QUALITY
from app.reports.reassignment import REASSIGNMENT
from app.reports.rejections import REJECTIONS
from app.reports.report import Report
from app.reports.retention import RETENTION
from app.reports.revenue import REVENUE
from app.reports.sla import SLA
from app.reports.speed_to_lead import SPEED_TO_LEAD

REPORTS: Mapping[str, Report] = {
    each.name: each
    for each in (
        SPEED_TO_LEAD, SLA, FAIRNESS,
        ACCEPTANCE, REJECTIONS, REASSIGNMENT, CONTACT, QUALIFICATION, QUALITY, EXPERIENCE,
        CONVERSION, REVENUE, RETENTION, ATTRIBUTION, CAPACITY,
    )
}  # fmt: skip
"""The reports, in the order of the documentation."""
