"""Facts that others know about a lead: who is asked, and what becomes of the answers."""
