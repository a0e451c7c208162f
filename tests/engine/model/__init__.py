"""Tests of app/engine/model."""
