"""Codes and sentences that explain a decision."""
