"""Tests of app/diagnosis."""
