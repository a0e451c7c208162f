"""What all routes share: authentication, bodies, idempotency keys, pages, problem details."""
