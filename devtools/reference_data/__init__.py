"""Makes the lists of names in `app/values/data` from the Unicode CLDR. Run by hand, for a new edition."""
