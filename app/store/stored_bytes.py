"""How long documents of a decision are stored. The only place that knows."""


def pack(text: bytes) -> bytes:
    """Return a document as it is stored."""
    return text


def unpack(stored: bytes) -> bytes:
    """Return a stored document as it was."""
    return stored
