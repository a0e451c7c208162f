"""The follow-up of a decision: actions, texts and SLA deadlines."""
