"""Tests of lead assignment."""
