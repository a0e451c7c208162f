"""Tests of app/engine/pipeline."""
