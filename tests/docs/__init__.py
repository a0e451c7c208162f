"""Tests of the pages and examples."""
