"""What people copy to keep values secret: the store file is searched for every secret, in clear and as base64."""

from base64 import b64encode
from pathlib import Path

import encrypted
import pytest
from cryptography.fernet import Fernet

from yieldflow import App
from yieldflow.codec import StillSealed


def test_the_store_knows_no_secret_and_a_new_key_reads_on(tmp_path: Path, capsys):
    encrypted.main(tmp_path)
    *told, last = capsys.readouterr().out.splitlines()
    assert told == [
        "receipt for 4242 4242 4242 4242, confirmed by secret-7531",
        "the store knows the card: False",
        "the store knows the code: False",
        "the store knows the names: True",
    ]
    assert last.startswith("value cannot be read as JSON: it is sealed, and this app has no payload codec")
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"4242 4242", b"secret-7531", b"receipt for"):
        assert secret not in stored
        assert b64encode(secret)[:8] not in stored
    assert b"payment-1" in stored  # it is the right file


def test_a_key_that_is_no_longer_there_opens_nothing(tmp_path: Path):
    encrypted.main(tmp_path)
    app = App(f"sqlite:///{tmp_path}/encrypted.db", payload_codec=encrypted.Encrypted(Fernet.generate_key()))
    with pytest.raises(StillSealed, match="the payload codec cannot open it: InvalidToken; was it written with"):
        app.get("payment-1").result(timeout=0)
    app.close()
