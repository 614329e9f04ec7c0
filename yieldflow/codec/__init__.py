"""The codec: values and events as JSON bytes. Imports nothing that stored data names, and never pickles."""

from yieldflow.codec.json import LIMIT, JsonCodec
from yieldflow.codec.packing import pack, unpack
from yieldflow.codec.sealed import PayloadCodec, SealedCodec
from yieldflow.errors import StillSealed

__all__ = ["LIMIT", "JsonCodec", "PayloadCodec", "SealedCodec", "StillSealed", "pack", "unpack"]
