"""The statistics of the diagnosis: exact formulas over small tables of counts, without I/O."""
