"""Strategies of other packages: asked in processes of their own, whatever they do."""
