"""A browser as far as the tests need one: cookies, where a form comes from, and what a document has in it."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.web.conftest import TOKEN

READER = "a-token-of-a-reader"
VOID = {"br", "hr", "img", "input", "link", "meta"}


class Element:
    def __init__(self, tag, attributes):
        self.tag, self.attributes, self.inside = tag, attributes, []

    def __getitem__(self, name):
        return self.attributes[name]

    @property
    def text(self):
        return "".join(one if isinstance(one, str) else one.text for one in self.inside)

    def all(self, tag=None, **attributes):
        """All below it, with these attributes (`class_` fits any of the classes)."""
        for one in self.inside:
            if isinstance(one, Element):
                if tag in (None, one.tag) and all(one.has(key.rstrip("_"), text) for key, text in attributes.items()):
                    yield one
                yield from one.all(tag, **attributes)

    def one(self, tag=None, **attributes):
        found = list(self.all(tag, **attributes))
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]

    def has(self, name, text):
        given = self.attributes.get(name)
        return given is not None and (given == text or (name == "class" and text in given.split()))


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), attrs
        element = Element(tag, dict(attrs))
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, (tag, self.open[-1].tag)
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].inside.append(data)


def parsed(text):
    """Every element has to be closed where it should be."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert [one.tag for one in reader.open] == ["document"]
    return reader.open[0]


class Browser:
    """*follow* of a reply is up to the test; cookies are kept as they are set."""

    def __init__(self, client, token=TOKEN, root="/ui"):
        self.client, self.root, self.cookies = client, root, {}
        if token is not None:
            signed = self.post("sign-in", {"token": token})
            assert signed.status == 303, signed.text

    def headers(self, more):
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**({"Cookie": jar} if jar else {}), **more}

    def get(self, path, **headers):
        """*path*: below `ui/`, or from the root on."""
        return self._kept(self.client("GET", self._at(path), None, self.headers(_dashed(headers))))

    def post(self, path, fields=(), *, site="same-origin", **headers):
        known = {} if site is None else {"Sec-Fetch-Site": site}
        return self._kept(self.client.form(self._at(path), dict(fields), **self.headers({**known, **_dashed(headers)})))

    def page(self, path, **headers):
        """What a person sees."""
        reply = self.get(path, **headers)
        assert reply.status == 200, reply.text
        return parsed(reply.text)

    def _at(self, path):
        return path if path.startswith("/") else f"{self.root}/{path}"

    def _kept(self, reply):
        if "set-cookie" in reply.headers:
            name, _, value = reply.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in reply.headers["set-cookie"]:
                self.cookies[name] = value
        return reply


def _dashed(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}
