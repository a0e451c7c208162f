"""Tests of app/diagnosis/statistics."""
