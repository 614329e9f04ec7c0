"""What nobody who means well would send: texts, JSON, values, stored events and jobs, valid ones bent a little too."""
# ruff: noqa: RUF001, DTZ901 - strange characters and odd datetimes are the point

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Literal, TypeVar
from uuid import UUID

import orjson
from attrs import frozen

from tests import values
from yieldflow.codec import JsonCodec

T = TypeVar("T")
GOLDEN = Path(__file__).parents[1] / "golden"


@frozen
class Left:
    child: Left | Right | None = None
    number: int = 0


@frozen
class Right:
    """What has another number than 2 is a `Left`, which is known only when all below it was read."""

    child: Left | Right | None = None
    number: Literal[2] = 2


TEXTS = (
    *("", " ", "\0", "\n", "a\nb", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b2J", "\u202e", "\ufeff", "a\0b"),
    *("\ud800", "a\udfffb", "\udcff", "*", "run*", "?", "[a-z]", "{victim}", "{}", "a:b", ":", "yieldflow:log:victim"),
    *("victim~2", "victim~", "victim~0", "victim~01", "~", "victim~1.1", "victim~" + "9" * 20, "a~" + "9" * 5_000),
    *("a" * 200, "a" * 201, "x" * 10_000, "é" * 200, "𝒳" * 200, "٣", "-1", "--url", "-", "../../etc/passwd"),
    *("__class__", "__init__", "__globals__", "os:system", "os.system", "builtins:eval", "$", "v", "%s%n", "${x}"),
    *("'; DROP TABLE run; --", '"', "'", "\\", "\\u0000", "true", "null", "1e400", "NaN", "0x10", "1_000", "１"),
    *("{{7*7}}", "<script>", "\r\n", "\t", "\x7f", "\x85", "\u2028", "a" * 199 + "\n", "victim ", " victim", "VICTIM"),
)
DIGITS = b"9" * 100_000
FRAGMENTS = (
    *(b"null", b"true", b"0", b"-0", b"-1", b"1e400", b"1e-400", b"1.5", b"NaN", b"Infinity", b"-Infinity", b"1" * 30),
    *(b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809", b"9007199254740993", b"1E5"),
    *(b'""', b'"x"', b"[]", b"{}", b"[[]]", b'"\\ud800"', b'"\\udc00x"', b'"\\u0000"', b'"\xff"', b'"\xed\xa0\x80"'),
    *(b'{"a":1,"a":2}', b'{"$":1}', b'{"$":"set","v":[[]]}', b'{"$":"set","v":5}', b'{"$":"dict","v":[[[],1]]}'),
    *(b'{"$":"dict","v":[1]}', b'{"$":"dict","v":{"a":1}}', b'{"$":"int","v":"0x"}', b'{"$":"int","v":"-0xff"}'),
    *(b'{"$":"int","v":5}', b'{"$":"float","v":[]}', b'{"$":"float","v":"nan"}', b'{"$":"bytes","v":"\xc3\xa9"}'),
    *(b'{"$":"bytes","v":"===="}', b'{"$":"datetime","v":"9999-12-31T23:59:59+23:59"}', b'{"$":"datetime","v":0}'),
    *(b'{"$":"date","v":"0000-00-00"}', b'{"$":"timedelta","v":[999999999999,0,0]}', b'{"$":"timedelta","v":"abc"}'),
    *(b'{"$":"timedelta","v":[true,0,0]}', b'{"$":"Decimal","v":"1e999999999999999999999"}', b'{"$":"Decimal","v":[]}'),
    *(b'{"$":"set","v":[{"$":"Decimal","v":"sNaN"}]}', b'{"$":"UUID","v":5}', b'{"$":"UUID","v":"{"}'),
    *(b'{"$":"Path","v":"\\u0000"}', b'{"$":"Path","v":5}', b'{"$":"tuple","v":{}}', b'{"$":"os:system","v":"id"}'),
    *(b'{"$":"sealed","v":"AAAA"}', b'{"$":"sealed","v":5}', b'{"$":{"$":"set","v":[]},"v":1}', b'{"$":"set"}'),
    *(b'{"$":"frozenset","v":[{"$":"frozenset","v":[1]}]}', b'{"$":"set","v":[1],"x":1}', b'{"\\u0024":"set","v":[1]}'),
    *(b'{"__class__":"os.system"}', b'{"py/object":"os.system"}', b'{"__reduce__":["os.system",["id"]]}', b"\x80\x04."),
    *(b'{"$":"Refund","v":{"id":"r"}}', b'{"$":"PartialRefund","v":{"id":"r","cents":true}}', b'{"$":"Line","v":null}'),
)
DEEP = tuple(
    opening * depth + b"0" + closing * depth
    for depth in (200, 254, 255, 500, 1_024, 1_025, 100_000)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"), (b'{"$":"tuple","v":[', b"]}"), (b"[", b""))
)

KINDS: tuple[tuple[Any, Any], ...] = (
    *((Any, {"a": [1, 2.5, None, {"$": (1, {2})}]}), (int, 5), (float, 0.5), (str, "text"), (bool, True), (None, None)),
    *((bytes, b"\0\xff"), (datetime, datetime(2026, 1, 2, 3, 4)), (date, date(2026, 1, 2)), (Path, Path("a/b"))),  # noqa: DTZ001
    *((timedelta, timedelta(1, 2, 3)), (Decimal, Decimal("1.10")), (UUID, UUID(int=5)), (values.UserId, "u")),
    *((list[int], [1, 2]), (set[str], {"a"}), (frozenset[int], frozenset({1})), (tuple[int, str], (1, "a"))),
    *((tuple[int, ...], (1, 2)), (dict[str, int], {"a": 1}), (dict[int, list[bool]], {1: [True]}), (list, [1])),
    *(
        (dict[tuple[int, int], str], {(1, 2): "a"}),
        (int | None, 5),
        (int | str | None, "a"),
        (list[int] | set[int], {1}),
    ),
    *((Literal["a", 1, True], 1), (values.Color, values.Color.PAIR), (values.Right, values.Right.READ)),
    *((values.Line, values.Line(1, ["a"], "s")), (values.Page[int], values.Page([1])), (values.Point, values.Point(1))),
    *((values.Order, values.Order("o", [values.Line(2)], values.Order("p", []))), (values.Movie, {"title": "t"})),
    *((values.DatedPage, values.DatedPage([date(2026, 1, 2)], more=True)), (object, "any"), (list[Any], [{1: (2,)}])),
    *((values.Refund | values.PartialRefund, values.PartialRefund("r", 5)), (Left | Right, Left(Right(Left())))),
    *((values.Model, values.Model(at=datetime(2026, 1, 2), rates={"a": 0.5})), (values.Money, values.Money(5))),  # noqa: DTZ001
)
CODEC = JsonCodec(converter=values.money_converter())


class Refuses:
    """A stranger among the values."""

    def __repr__(self) -> str:
        raise RuntimeError("nobody asks for my repr")


def itself() -> list[Any]:
    inside: list[Any] = []
    inside.append(inside)
    return inside


def nested(depth: int) -> Any:
    tree: Any = 0
    for _ in range(depth):
        tree = [tree]
    return tree


OBJECTS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**63, 2**64, -(2**63) - 1, 10**5_000, float("nan"), float("inf"), -0.0, 1j),
    *(b"", b"\xff", bytearray(b"x"), memoryview(b"x"), range(3), ..., NotImplemented, object(), object, int, len, json),
    *(
        [],
        {},
        (),
        set(),
        frozenset({1}),
        {1: 2},
        {"$": 1},
        {None: {(1, 2): [3]}},
        [[[]]],
        {"a": {"$": "set", "v": [1]}},
    ),
    *(itself(), nested(300), nested(100_000), MappingProxyType({"a": 1}), Refuses(), Exception("x"), iter([1])),
    *(Decimal("sNaN"), Decimal("1e99999"), datetime.max, timedelta.max, date.min, UUID(int=0), Path("\0")),
    *(values.Color.RED, values.Point(1), values.Refund("\ud800"), values.Money([]), values.Line("no"), lambda: None),
    *({"\ud800": 1}, ["\udfff"], {"x" * 10_000: 1}, {"__class__": "x"}, {"self": 1}, values.Right(7), Exception),
    *TEXTS,
)


class Inputs:
    """Deterministic from *random*; cheap, for there are many."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.kinds = [annotation for annotation, _ in KINDS]
        self.valid = {number: CODEC.encode(value, annotation) for number, (annotation, value) in enumerate(KINDS)}
        self.lines = [line for file in sorted(GOLDEN.glob("*.jsonl")) for line in file.read_bytes().splitlines()]
        self.trees = [orjson.loads(line) for line in self.lines]

    def one_of(self, several: Sequence[T]) -> T:
        return several[int(self.random.random() * len(several))]

    def often(self, fraction: float) -> bool:
        return self.random.random() < fraction

    def text(self) -> str:
        text = self.one_of(TEXTS)
        return text if self.often(0.6) else text[: self.random.randrange(50)] + self.one_of(TEXTS)[:100]

    def object(self) -> Any:
        one = self.one_of(OBJECTS)
        if self.often(0.7):
            return one
        return self.one_of((lambda: [one], lambda: {"a": one}, lambda: (one, one), lambda: {"key": [one, "x"]}))()

    # --- JSON -----------------------------------------------------------------------------------------------------

    def payload(self) -> tuple[Any, bytes]:
        """An annotation, and bytes that are not meant for it."""
        number = int(self.random.random() * len(KINDS))
        if self.often(0.002):
            return self.kinds[number], self.one_of((*DEEP, DIGITS))
        if self.often(0.2):
            return self.kinds[number], self.one_of(FRAGMENTS)
        data = self.valid[number if self.often(0.8) else int(self.random.random() * len(KINDS))]
        return self.kinds[number], self.bent(data)

    def bent(self, data: bytes) -> bytes:
        """Cut, flipped, doubled, or with something else in its middle."""
        at = int(self.random.random() * (len(data) + 1))
        to = min(len(data), at + int(self.random.random() * 8))
        match int(self.random.random() * 6):
            case 0:
                return data[:at]
            case 1:
                return data[:at] + bytes((int(self.random.random() * 256),)) + data[at + 1 :]
            case 2:
                return data[:at] + data[to:]
            case 3:
                return data[:at] + self.one_of(FRAGMENTS) + data[to:]
            case 4:
                return self._leaf_replaced(data)
            case _:
                return data[:to] + data[at:]

    def _leaf_replaced(self, data: bytes) -> bytes:
        """Well-formed still, where the data is."""
        commas = [at for at, byte in enumerate(data) if byte in b",:["]
        if not commas:
            return self.one_of(FRAGMENTS)
        at = self.one_of(commas) + 1
        end = next((to for to in range(at, len(data)) if data[to] in b",]}"), len(data))
        return data[:at] + self.one_of(FRAGMENTS) + data[end:]

    def json_text(self) -> str:
        """What a command line may be given for JSON."""
        data = self.payload()[1] if self.often(0.7) else self.one_of(FRAGMENTS)
        return data[:100_000].decode("utf-8", "surrogateescape")

    # --- events and jobs ---------------------------------------------------------------------------------------

    def event(self) -> bytes:
        """A stored event that no yieldflow of today has written; a few are valid all the same."""
        if self.often(0.5):
            return self.bent(self.one_of(self.lines))
        if self.often(0.01):
            return self.one_of(DEEP)
        tree = json.loads(self.one_of(self.lines))
        where = self._somewhere(tree)
        key = self.one_of([*where]) if isinstance(where, dict) else int(self.random.random() * len(where))
        match int(self.random.random() * 4):
            case 0 if isinstance(where, dict):
                del where[key]
            case 1 if isinstance(where, dict):
                where[self.one_of(STRANGE_KEYS)] = where[key]
            case 2:
                where[key] = self.one_of(STRANGE)
            case _:
                where[key] = self._somewhere(self.one_of(self.trees))
        return json.dumps(tree).encode()

    def _somewhere(self, tree: Any) -> Any:
        """A container within: any but the empty ones."""
        while True:
            inner = [
                one
                for one in (tree.values() if isinstance(tree, dict) else tree)
                if isinstance(one, dict | list) and one
            ]
            if not inner or self.often(0.5):
                return tree
            tree = self.one_of(inner)

    def job(self) -> bytes:
        """The data of an RQ job, forged."""
        data = json.dumps(self.one_of(JOBS)).encode() if self.often(0.5) else self.bent(json.dumps(JOBS[0]).encode())
        if self.often(0.01):
            data = self.one_of((b"[" * 9_000, b" " * 1_000_000, DIGITS))
        packed = zlib.compress(data, 1)
        return packed if self.often(0.7) else self.bent(packed)


STRANGE_KEYS = (
    "e",
    "is",
    "do",
    "__class__",
    "$",
    "cause",
    "fork",
    "before",
    "options",
    "retry",
    "tags",
    "for",
    "until",
)
STRANGE: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2**31,
        2**32,
        2**53,
        2**63 - 1,
        -(2**63),
        1.5,
        1e300,
        "",
        "x",
        "\0",
        "9" * 5_000,
        "1.x",
    ),
    *(
        [],
        {},
        [1],
        ["x"],
        {"a": 1},
        {"a": "b"},
        {"a": [1]},
        [[]],
        {"e": "started"},
        "1",
        "1.1",
        "0",
        "-1",
        "4294967296",
    ),
    *("zz", "ff", "\x1b[31m", "a:b{}*", {"is": "ok", "value": 1}, {"is": "next", "run": 5}, {"$": "set", "v": [1]}),
    *(["a:B"], [5], "ok", "error", "fork", "lost", "abandon", 253_402_300_800_000, {"names": ["x:Y"], "message": "m"}),
)
JOBS: tuple[Any, ...] = (
    ["yieldflow.rq.job.tend_run", None, ["victim"], {}],
    *(
        ["yieldflow.rq.job.tend_run", None, one, {}]
        for one in ([5], [None], [[]], [{}], {}, "victim", 5, None, [], ["\0"])
    ),
    *(["yieldflow.rq.job.tend_run", None, [one], {}] for one in TEXTS[:30]),
    *(
        ["os.system", None, ["true"], {}],
        ["os.system"],
        [],
        {},
        5,
        None,
        "x",
        {"a": 1, "b": 2, "c": 3, "d": 4},
        [[]] * 4,
    ),
    *(
        [["yieldflow.rq.job.tend_run"], None, ["victim"], {}],
        [None, None, ["victim"], {}],
        [1, 2, 3, 4],
        ["x", 1, 2, 3],
    ),
)

TAGS: tuple[Mapping[Any, Any], ...] = tuple(
    {key: value}
    for key, value in (
        *(
            ("\ud800", "x"),
            ("x", "\udfff"),
            (5, "x"),
            ("x", 5),
            (None, None),
            ("", ""),
            ("a\nb", "x"),
            ("x", "\x1b[31m"),
        ),
        *(
            ("x" * 100_000, "x"),
            ("x", "x" * 2_000_000),
            ("x", True),
            (True, "x"),
            ("x", ["a"]),
            ("\0", "\0"),
            ("x", b"x"),
        ),
    )
)
