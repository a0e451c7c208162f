"""The generated parts of the documentation. `python -m docs` writes them again; a test says when to."""
