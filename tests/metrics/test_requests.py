"""Requests are counted by their answer, and their times by route."""

from prometheus_client import generate_latest

from app.metrics.requests import RequestCounts


def test_requests_are_counted_and_their_times_add_up() -> None:
    counts = RequestCounts()
    counts.note("/assign", "POST", 201, 0.0005)
    counts.note("/assign", "POST", 503, 0.0006)
    counts.note("/assign", "POST", 201, 99.0)
    counts.note("/leads/{id}", "GET", 200, 0.0)
    lines = generate_latest(counts).decode().splitlines()
    asked = 'method="POST",route="/assign"'
    assert [line for line in lines if line.startswith("lead_assignment_requests_total")] == [
        f'lead_assignment_requests_total{{{asked},status="201"}} 2.0',
        f'lead_assignment_requests_total{{{asked},status="503"}} 1.0',
        'lead_assignment_requests_total{method="GET",route="/leads/{id}",status="200"} 1.0',
    ]
    times = [line.partition("_seconds_")[2] for line in lines if asked in line and "_seconds_" in line]
    assert times == [
        f'bucket{{le="0.0005",{asked}}} 1.0',
        *(
            f'bucket{{le="{bound}",{asked}}} 2.0'
            for bound in (
                *("0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5"),
                *("1.0", "2.5", "5.0", "10.0"),
            )
        ),
        f'bucket{{le="+Inf",{asked}}} 3.0',
        f"count{{{asked}}} 3.0",
        f"sum{{{asked}}} 99.0011",
    ]
