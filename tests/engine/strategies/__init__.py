"""Tests of app/engine/strategies."""
