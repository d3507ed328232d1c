"""The few bytes of protobuf's wire format needed to join what is encoded already.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

_LENGTH_DELIMITED = 2


def varint(number: int) -> bytes:
    """Return a non-negative number, seven bits a byte, the lowest first."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def delimited(field: int, content: bytes) -> bytes:
    """Return a string, bytes or message field. Concatenated fields are a message."""
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    """Return a string field; as in proto3 an empty one is left out."""
    return delimited(field, content.encode()) if content else b""
