"""Tests of app/engine/lookup."""
