"""Runs over HTTP: `asgi(app)` answers hook links and an API, to be mounted or served by `yieldflow web`.

Plain ASGI on what `App` offers; nothing of it is open unless somebody says so.
"""

from yieldflow.web.asgi import asgi
from yieldflow.web.bounds import Bounds, Rate
from yieldflow.web.signatures import Signature

__all__ = ["Bounds", "Rate", "Signature", "asgi"]
