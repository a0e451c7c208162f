"""Reports: what is counted, for whom, and in which words; one file per report."""
