"""What form tools send: verified, stored, answered, and routed like any other lead."""
