"""How the response and the inputs of a decision are stored: compressed with a shared dictionary.

A document alone is too short to compress well, but all of them share their keys. `dictionary_1.txt` holds
typical text, the most frequent last. A stored document needs the dictionary it was written with, so that file
never changes: a better dictionary is a new file with a new format byte.
"""

import threading
from pathlib import Path

import zstandard

FORMAT = b"\x01"
"""The first byte of a document that was compressed with `dictionary_1.txt`. Others are plain JSON."""
LEVEL = 1
"""The fastest level that compresses letters too; decision 21 has the figures."""

DICTIONARY = zstandard.ZstdCompressionDict(
    Path(__file__).with_name("dictionary_1.txt").read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT
)
DICTIONARY.precompute_compress(level=LEVEL)


class _Codec(threading.local):
    """A compressor and a decompressor for each thread: neither can be shared."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(LEVEL, DICTIONARY, write_dict_id=False)
        self.decompressor = zstandard.ZstdDecompressor(DICTIONARY)


_codec = _Codec()


def pack(document: bytes) -> bytes:
    """Return a JSON document as it is stored."""
    return FORMAT + _codec.compressor.compress(document)


def unpack(stored: bytes) -> bytes:
    """Return a stored document as it was, to the byte. Raises ValueError when it is damaged."""
    if not stored.startswith(FORMAT):
        return stored
    try:
        return _codec.decompressor.decompress(stored[len(FORMAT) :])
    except zstandard.ZstdError as error:
        raise ValueError("a stored document is damaged") from error
