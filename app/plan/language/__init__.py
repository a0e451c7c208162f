"""The language of a plan: fields, conditions, durations, hours, templates."""
