"""Tests of app/engine/followup."""
