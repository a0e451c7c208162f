"""A FastAPI endpoint with the request and response models of `POST /assign` that does nothing."""

import os
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.contract.requests import AssignRequest
from app.contract.responses import Decision
from bench.leads import ANSWER

app = FastAPI()
decided = Decision.model_validate(ANSWER)


@app.post("/assign", status_code=201, response_model=Decision)
async def assign(_body: AssignRequest) -> Any:
    """Accept a lead, do nothing, and return a fixed decision."""
    return decided


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
