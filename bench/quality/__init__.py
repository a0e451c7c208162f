"""`make quality`: how right intake is, on labeled data.

Each file here measures one kind of thing, and `data/` holds the labels.
"""
