"""The words a plan is written in: fields, conditions, durations, hours, templates."""
