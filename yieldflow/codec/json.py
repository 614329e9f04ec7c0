"""Values as JSON bytes, by annotation first, within a size limit.

Never pickles, never imports what data names, and loses nothing silently: what would not come back as it was is
refused where it was produced, with its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson
from cattrs import Converter

from yieldflow.codec.shapes import Shapes
from yieldflow.codec.taught import taught
from yieldflow.codec.untyped import TAG, UNTYPED, Json, Misfit, compact, tagged, untag
from yieldflow.core.values import Annotation, Arguments, Parameters
from yieldflow.errors import Undecodable, Unencodable, shown

LIMIT = 1 << 20
_TAG_KEY = b'"%s"' % TAG.encode()
_MEMBERS = (dict, list)  # JSON that may hold a tag


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
            untagged = shape is UNTYPED and (type(tree) not in _MEMBERS or not _may_have_tags(data))
            return tree if untagged else shape.load(tree)
        except Misfit as misfit:
            raise Undecodable(f"value{misfit.place}", misfit.what, misfit.reason) from None
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise Undecodable("value", "JSON", str(error)) from None

    def encode_arguments(self, arguments: Arguments, parameters: Parameters) -> bytes:
        """As `[args, kwargs]`."""
        shape = self._shapes.of
        args: list[Json] = []
        kwargs: dict[str, Json] = {}
        try:
            for value in arguments.args:
                args.append(shape(parameters.by_position(len(args))).dump(value))
            for name, value in arguments.kwargs.items():
                kwargs[name] = shape(parameters.by_name(name)).dump(value)
            data = compact([args, kwargs])
        except Misfit as misfit:
            place = _reached(len(args) + len(kwargs), arguments.args, arguments.kwargs, parameters)
            raise Unencodable(f"{place}{misfit.place}", misfit.what, misfit.reason) from None
        except RecursionError:
            raise _too_deep(arguments) from None
        if len(data) > self._limit:
            size, place, value = max(_sizes(args, kwargs, arguments, parameters), key=lambda one: one[0])
            raise self._too_large(place, value, f"the arguments take {len(data):,} bytes, {size:,} of them this one,")
        return data

    def decode_arguments(self, data: bytes, parameters: Parameters) -> Arguments:
        shape = self._shapes.of
        args: list[object] = []
        kwargs: dict[str, object] = {}
        positional, named = _arguments(data)
        try:
            for raw in positional:
                args.append(shape(parameters.by_position(len(args))).load(raw))
            for name, raw in named.items():
                kwargs[name] = shape(parameters.by_name(name)).load(raw)
        except Misfit as misfit:
            place = _reached(len(args) + len(kwargs), positional, named, parameters)
            raise Undecodable(f"{place}{misfit.place}", misfit.what, misfit.reason) from None
        except RecursionError as error:
            place = _reached(len(args) + len(kwargs), positional, named, parameters)
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


def _reached(done: int, args: Sequence[object], kwargs: Iterable[str], parameters: Parameters) -> str:
    """The name of the argument after so many, or of the last."""
    names = [*(_named(index, parameters) for index in range(len(args))), *kwargs]
    return names[min(done, len(names) - 1)]


def _arguments(data: bytes) -> tuple[list[Json], dict[str, Json]]:
    """Raises `Undecodable`."""
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Undecodable("the arguments", "JSON", str(error)) from None
    if type(tree) is list and len(tree) == 2 and type(tree[0]) is list and type(tree[1]) is dict:
        return tree[0], tree[1]
    raise Undecodable("the arguments", "[args, kwargs]", f"it holds {shown(tree)}")


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
