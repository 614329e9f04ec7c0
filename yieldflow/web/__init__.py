"""Runs over HTTP: `asgi(app)` answers hook links and an API, to be mounted or served by `yieldflow web`; `wsgi(app)`
is the same for servers without asyncio.

Plain ASGI on what `App` offers; nothing of it is open unless somebody says so.
"""

from yieldflow.web.asgi import asgi
from yieldflow.web.bounds import Bounds, Rate
from yieldflow.web.signatures import Signature
from yieldflow.web.wsgi import wsgi

__all__ = ["Bounds", "Rate", "Signature", "asgi", "wsgi"]
