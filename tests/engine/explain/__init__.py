"""Tests of app/engine/explain."""
