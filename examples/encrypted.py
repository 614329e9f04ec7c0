"""A card number that the store never sees, and a new key while the run is under way. `python examples/encrypted.py`

Needs `pip install 'yieldflow[encryption]'`. Where workers are processes of their own, they all name the same codec:
`$YIELDFLOW_PAYLOAD_CODEC=shop.keys:codec`, or `payload_codec` in `[tool.yieldflow]` of pyproject.toml.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.fernet import Fernet, MultiFernet

from yieldflow import App, Flow, YieldflowError, hook, step, workflow

CODE = hook("code", str)


class Encrypted:
    """Seals with the first key and opens with any: an old key stays in the list until its last run is pruned."""

    def __init__(self, *keys: bytes) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encode(self, data: bytes) -> bytes:
        return self._fernet.encrypt(data)

    def decode(self, data: bytes) -> bytes:
        return self._fernet.decrypt(data)


@step
def charge(card: str, code: str) -> str:
    return f"receipt for {card}, confirmed by {code}"


@workflow
def pay(card: str) -> Flow[str]:
    code = yield from CODE
    return (yield from charge(card, code))


def main(directory: Path) -> None:
    url, old, new = f"sqlite:///{directory}/encrypted.db", Fernet.generate_key(), Fernet.generate_key()

    app = App(url, payload_codec=Encrypted(old))
    app.start(pay("4242 4242 4242 4242"), run_id="payment-1")
    app.close()

    app = App(url, payload_codec=Encrypted(new, old))  # from now on the new key seals; what the old one sealed is read
    app.send("payment-1", CODE, "secret-7531")
    print(app.get("payment-1").result(timeout=30))
    app.close()

    stored = b"".join(file.read_bytes() for file in directory.glob("encrypted.db*"))
    print("the store knows the card:", b"4242 4242" in stored)
    print("the store knows the code:", b"secret-7531" in stored)
    print("the store knows the names:", b"pay" in stored and b"charge" in stored)

    app = App(url)  # without a key nothing is lost, and what is missing is said
    try:
        app.get("payment-1").result(timeout=0)
    except YieldflowError as error:
        print(error)
    app.close()


if __name__ == "__main__":
    with TemporaryDirectory() as directory:
        main(Path(directory))
