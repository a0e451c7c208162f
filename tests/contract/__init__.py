"""Tests of the request and response models."""
