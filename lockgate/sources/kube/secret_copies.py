"""Secrets copied into one namespace: how a copy is named, and whose it is.

With copies, an agent reads the Secrets of that namespace only. The operator writes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from lockgate.sources.kube.reflector import Change, Key

COPY_OF = "lockgate.io/copy-of"
"""Annotation of a copy: namespace and name of the Secret."""


def copy_name(key: Key) -> str:
    """Return the name of the copy of a Secret; two Secrets never have one copy."""
    digest = hashlib.blake2b("/".join(key).encode(), digest_size=16).hexdigest()
    return f"lockgate-{digest}"


def original_of(document: Mapping[str, Any]) -> Key | None:
    """Return the Secret that a document is a copy of, or None if it is none."""
    metadata = document["metadata"]
    namespace, slash, name = (metadata.get("annotations") or {}).get(COPY_OF, "").partition("/")
    is_copy = bool(slash) and metadata["name"] == copy_name((namespace, name))
    return (namespace, name) if is_copy else None


class CopiedSecrets:
    """Turns changes of copies into changes of the Secrets they are copies of."""

    def __init__(self) -> None:
        self._originals: dict[str, Key] = {}

    def original(self, change: Change) -> Change | None:
        """Return the change of the Secret; None: it is of no copy."""
        name, document = change.key[1], change.document
        if document is None:
            key = self._originals.pop(name, None)
            return None if key is None else Change(key, None)
        key = original_of(document)
        if key is None:
            return None
        self._originals[name] = key
        metadata = {**document["metadata"], "namespace": key[0], "name": key[1]}
        return Change(key, {**document, "metadata": metadata})
