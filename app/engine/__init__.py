"""The decision: a pure function of the lead, the facts, the state, the plan and the time."""
