"""Tests of app/api/http."""
