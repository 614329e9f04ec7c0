"""The style sheet, the script and the mark: sent under names with a hash in them, so that browsers keep them for ever.

Made of the files of `static/` as they stand there; nothing is built.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from attrs import frozen

from yieldflow.web.http import Reply

_KEPT = (("Cache-Control", "public, max-age=31536000, immutable"),)
_MEDIA = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@frozen
class Static:
    """*names*: by kind (css, js, svg) what it is called now."""

    names: dict[str, str]
    replies: dict[str, Reply]


@cache
def static() -> Static:
    """All files of a kind in one, by the order of their names."""
    places = sorted(files(__package__).joinpath("static").iterdir(), key=lambda place: place.name)
    names, replies = dict[str, str](), dict[str, Reply]()
    for kind, media in _MEDIA.items():
        content = b"\n".join(place.read_bytes() for place in places if place.name.endswith(f".{kind}"))
        names[kind] = f"page.{sha256(content).hexdigest()[:16]}.{kind}"
        replies[names[kind]] = Reply(200, content, media, _KEPT)
    return Static(names, replies)
