"""Values as JSON bytes, by annotation first, within a size limit.

Never pickles, never imports what data names, and loses nothing silently: what would not come back as it was is
refused where it was produced, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from cattrs import Converter

from yieldflow.codec.shapes import Shapes
from yieldflow.codec.taught import taught
from yieldflow.codec.untyped import TAG, UNTYPED, Json, Misfit, compact, tagged, unreadable, untag
from yieldflow.core.values import Annotation, Arguments, Parameters
from yieldflow.errors import Undecodable, Unencodable

LIMIT = 1 << 20
_TAG_KEY = b'"%s"' % TAG.encode()


class JsonCodec:
    """*limit* is the largest value in bytes (default 1 MiB).

    *converter* teaches it classes: where a cattrs `Converter` has, at this moment, hooks in both directions that
    are registered for a class, they win. Its other hooks and its defaults are not asked, for they coerce.

    >>> JsonCodec().encode({"price": 5}, dict[str, int])
    b'{"price":5}'
    """

    def __init__(self, limit: int = LIMIT, converter: Converter | None = None) -> None:
        self._limit = limit
        self._shapes = Shapes(taught(converter or Converter()))

    def encode(self, value: object, annotation: Annotation) -> bytes:
        try:
            data = compact(self._shapes.of(annotation).dump(value))
        except Misfit as misfit:
            raise Unencodable(f"value{misfit.place}", misfit.what, misfit.reason) from None
        except RecursionError:
            raise _too_deep(value) from None
        if len(data) > self._limit:
            raise self._too_large("value", value, f"it takes {len(data):,} bytes")
        return data

    def decode(self, data: bytes, annotation: Annotation) -> object:
        try:
            tree = orjson.loads(data)
            shape = self._shapes.of(annotation)
            return tree if shape is UNTYPED and not _may_have_tags(data) else shape.load(tree)
        except Misfit as misfit:
            raise Undecodable(f"value{misfit.place}", misfit.what, misfit.reason) from None
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise Undecodable("value", "JSON", str(error)) from None

    def encode_arguments(self, arguments: Arguments, parameters: Parameters) -> bytes:
        """As `[args, kwargs]`."""
        place = ""
        args: list[Json] = []
        kwargs: dict[str, Json] = {}
        try:
            for index, value in enumerate(arguments.args):
                place = _named(index, parameters)
                args.append(self._shapes.of(parameters.by_position(index)).dump(value))
            for place, value in arguments.kwargs.items():
                kwargs[place] = self._shapes.of(parameters.by_name(place)).dump(value)
            data = compact([args, kwargs])
        except Misfit as misfit:
            raise Unencodable(f"{place}{misfit.place}", misfit.what, misfit.reason) from None
        except RecursionError:
            raise _too_deep(arguments) from None
        if len(data) > self._limit:
            size, place, value = max(_sizes(args, kwargs, arguments, parameters), key=lambda one: one[0])
            raise self._too_large(place, value, f"the arguments take {len(data):,} bytes, {size:,} of them this one,")
        return data

    def decode_arguments(self, data: bytes, parameters: Parameters) -> Arguments:
        place = "the arguments"
        args: list[object] = []
        kwargs: dict[str, object] = {}
        try:
            positional, named = _arguments(orjson.loads(data))
            for index, raw in enumerate(positional):
                place = _named(index, parameters)
                args.append(self._shapes.of(parameters.by_position(index)).load(raw))
            for place, raw in named.items():
                kwargs[place] = self._shapes.of(parameters.by_name(place)).load(raw)
        except Misfit as misfit:
            raise Undecodable(f"{place}{misfit.place}", misfit.what, misfit.reason) from None
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise Undecodable(place, "JSON", str(error)) from None
        return Arguments(tuple(args), kwargs)

    def same(self, one: bytes, other: bytes) -> bool:
        """1, 1.0 and true are three values."""
        return one == other or _sorted(one) == _sorted(other)

    def _too_large(self, place: str, value: object, size: str) -> Unencodable:
        advice = "store it elsewhere and pass where it is, or raise App(payload_limit=…)"
        return Unencodable(place, type(value).__qualname__, f"{size} of at most {self._limit:,}; {advice}")


def _named(index: int, parameters: Parameters) -> str:
    return parameters.names[index] if index < len(parameters.names) else f"args[{index}]"


def _sizes(
    args: list[Json], kwargs: dict[str, Json], given: Arguments, parameters: Parameters
) -> Iterator[tuple[int, str, object]]:
    """(encoded bytes, name, value) of each argument."""
    for index, raw in enumerate(args):
        yield len(compact(raw)), _named(index, parameters), given.args[index]
    for name, raw in kwargs.items():
        yield len(compact(raw)), name, given.kwargs[name]


def _arguments(tree: Json) -> tuple[list[Json], dict[str, Json]]:
    match tree:
        case [list() as args, dict() as kwargs]:
            return args, kwargs
        case _:
            raise unreadable("[args, kwargs]", tree)


def _too_deep(value: object) -> Unencodable:
    return Unencodable("value", type(value).__qualname__, "it is nested too deep, or contains itself")


def _may_have_tags(data: bytes) -> bool:
    return _TAG_KEY in data or b"\\u0024" in data  # foreign JSON may spell it like that


def _sorted(data: bytes) -> bytes:
    try:
        tree = orjson.loads(data)
        return orjson.dumps(_sorted_pairs(tree) if _may_have_tags(data) else tree, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError) as error:
        raise Undecodable("value", "JSON", str(error)) from None


def _sorted_pairs(tree: Json) -> Json:
    """Dicts with other keys than texts are stored as pairs: their order does not count either."""
    match tree:
        case list():
            return [_sorted_pairs(one) for one in tree]
        case dict():
            inner = {key: _sorted_pairs(one) for key, one in tree.items()}
            pairs = untag("dict", inner)
            if pairs is inner or type(pairs) is not list:
                return inner
            return tagged("dict", sorted(pairs, key=lambda pair: orjson.dumps(pair, option=orjson.OPT_SORT_KEYS)))
        case _:
            return tree
