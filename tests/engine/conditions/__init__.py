"""Tests of app/engine/conditions."""
