"""Tests of app/plan_check."""
