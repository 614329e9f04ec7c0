"""Values that went through a payload codec of the user's, for encryption or compression.

A wrapper of the codec: what that has made is sealed, `{"$":"sealed","v":"<base64>"}`, JSON like any other value.
What is not sealed is read as it is, so a payload codec can be given to an app whose runs are live. Never reads a
seal as a value: without the right payload codec it is refused, whatever type was asked for.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from yieldflow.codec.untyped import TAG
from yieldflow.core.values import Annotation, Arguments, Codec, Parameters
from yieldflow.errors import StillSealed, Unencodable

_BEFORE, _AFTER = b'{"%s":"sealed","v":"' % TAG.encode(), b'"}'


class PayloadCodec(Protocol):
    """What `App(payload_codec=…)` takes. It is called from several threads."""

    def encode(self, data: bytes) -> bytes:
        """The JSON of one value, as it is to be stored."""
        ...

    def decode(self, data: bytes) -> bytes:
        """What was given to `encode`. Raises what it likes for bytes that it did not make."""
        ...


@frozen
class SealedCodec:
    """*plain* makes JSON of values, *payload_codec* seals it; None: nothing is sealed.

    >>> from yieldflow.codec import JsonCodec
    >>> class Backwards:
    ...     def encode(self, data: bytes) -> bytes:
    ...         return data[::-1]
    ...     decode = encode
    >>> SealedCodec(JsonCodec(), Backwards()).encode([1, 2], list[int])
    b'{"$":"sealed","v":"XTIsMVs="}'
    """

    plain: Codec
    payload_codec: PayloadCodec | None = None

    def encode(self, value: object, annotation: Annotation) -> bytes:
        return self._sealed(self.plain.encode(value, annotation), value)

    def decode(self, data: bytes, annotation: Annotation) -> object:
        return self.plain.decode(self.opened(data), annotation)

    def encode_arguments(self, arguments: Arguments, parameters: Parameters) -> bytes:
        return self._sealed(self.plain.encode_arguments(arguments, parameters), arguments)

    def decode_arguments(self, data: bytes, parameters: Parameters) -> Arguments:
        return self.plain.decode_arguments(self.opened(data), parameters)

    def same(self, one: bytes, other: bytes) -> bool:
        """What is inside is compared: encryption makes other bytes each time."""
        return one == other or self.plain.same(self.opened(one), self.opened(other))

    def opened(self, data: bytes) -> bytes:
        """The JSON that is in a seal; of a value without one its own. Raises `Undecodable`."""
        if not (data.startswith(_BEFORE) and data.endswith(_AFTER)):
            return data
        if self.payload_codec is None:
            reason = "it is sealed, and this app has no payload codec; set the one of the app that wrote it: "
            raise StillSealed("value", "JSON", reason + "App(payload_codec=…) or $YIELDFLOW_PAYLOAD_CODEC")
        try:
            return _through(self.payload_codec.decode, b64decode(data[len(_BEFORE) : -len(_AFTER)]))
        except _CodecFailed as error:
            reason = f"the payload codec cannot open it: {error}; was it written with another key?"
            raise StillSealed("value", "JSON", reason) from error.__cause__

    def _sealed(self, data: bytes, value: object) -> bytes:
        if self.payload_codec is None:
            return data
        try:
            return _BEFORE + b64encode(_through(self.payload_codec.encode, data)) + _AFTER
        except _CodecFailed as error:
            kind, reason = type(value).__qualname__, f"the payload codec failed with {error}"
            raise Unencodable("value", kind, reason) from error.__cause__


class _CodecFailed(Exception):
    """In the words of the payload codec."""


def _through(code: Callable[[bytes], bytes], data: bytes) -> bytes:
    try:
        made = code(data)
    except Exception as error:  # user code: it may raise whatever it likes
        raise _CodecFailed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
    if not isinstance(made, bytes):
        raise _CodecFailed(f"a {type(made).__name__}, not bytes")
    return made
