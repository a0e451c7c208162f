"""Webhooks of CRMs: verify, store, answer; then do what they mean, exactly once."""
