"""How every route speaks HTTP: authentication, bodies, idempotency keys, pages, problem details."""
