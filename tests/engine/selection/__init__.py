"""Tests of app/engine/selection."""
