"""Tests of app/engine/life."""
