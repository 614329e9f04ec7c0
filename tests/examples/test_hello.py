"""The smallest example."""

from hello import hello

from yieldflow import App


def test_hello_greets():
    assert App("memory:").run(hello("World")) == "HELLO, WORLD!"
