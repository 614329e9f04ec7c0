"""What a browser has to show before the page answers it: a host that is ours, and for a change a page of ours.

Pure; `sessions` knows who it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from yieldflow.web.http import RefusedRequest, Request

_FOREIGN = "only this page itself may change something here: open it, and do it there"
_LED_HERE = ("cross-site", "same-site")


def expect_host(request: Request, hosts: Iterable[str] | None) -> None:
    """Another name that leads to this machine is a trick to get at what listens on it. Raises `RefusedRequest`."""
    if hosts is not None and host_name(f"//{request.headers.get('host', '')}") not in hosts:
        sentence = "it is not reached under this name; --base-url (or hosts=) says under which it is"
        raise RefusedRequest(421, sentence)


def own_names(base_url: str | None) -> frozenset[str]:
    """Those of this machine for itself, and that of our links."""
    return frozenset({"localhost", "127.0.0.1", "::1", *([host_name(base_url)] if base_url else [])})


def expect_own_page(request: Request, base_url: str | None) -> None:
    """Raises `RefusedRequest` for a change that no page of ours asked for."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        if site == "same-origin":
            return
    elif origin is not None and _is_own(origin, request.headers.get("host", ""), base_url):
        return
    raise RefusedRequest(403, _FOREIGN)


def was_led_here(request: Request) -> bool:
    """By a link on a page of another site: then a browser keeps our cookie back, once."""
    return (
        request.headers.get("sec-fetch-site") in _LED_HERE
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )


def is_secure(request: Request, base_url: str | None) -> bool:
    """Whether the browser came by TLS, as far as we are told."""
    if request.scheme == "https" or base_url is None:
        return request.scheme == "https"
    return base_url.startswith("https://") and host_name(base_url) == host_name(f"//{request.headers.get('host', '')}")


def host_name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_own(origin: str, host: str, base_url: str | None) -> bool:
    """Whether it came by TLS is not always told to us, so the scheme may be either."""
    scheme, _, name = origin.partition("://")
    if scheme not in ("http", "https") or name == "":
        return False
    return name == host or (base_url is not None and origin == "://".join(urlsplit(base_url)[:2]))
