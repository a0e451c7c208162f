"""Reports: what is counted, how it is cut, and in which words; one file per report."""
