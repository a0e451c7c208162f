"""Findings about plans and records as they are returned."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from app.contract.responses import ResponseModel
from app.plan.findings import Finding


class FindingDetail(ResponseModel):
    """A remark about a plan or a record: where it applies, its code, and what to do."""

    path: str
    code: str
    severity: Literal["error", "warning"]
    detail: str
    line: int | None = Field(None, description="Present only for plans: the line of the text, from 1.")
    rule: str | None = Field(None, description="Present only for plans: the name of the step.")
    value: str | None = Field(None, description="Present only for plans: the value that is at fault.")


def findings_to_json(findings: Sequence[Finding]) -> list[dict[str, str | int]]:
    """The findings as they are returned. What does not apply to a finding is left out."""
    return [
        {
            "path": each.path,
            "code": each.code,
            "severity": each.severity,
            "detail": each.text,
            **{
                name: found
                for name in ("line", "rule", "value")
                if (found := getattr(each, name)) is not None
            },
        }
        for each in findings
    ]
