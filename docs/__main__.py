"""Writes every generated part of the documentation again: `python -m docs`."""

from docs.generator.pages import ROOT, pages

for path, text in pages().items():
    (ROOT / path).write_text(text, encoding="utf-8")
