"""HTTP: turns requests into jobs and results into responses. It decides nothing itself."""
