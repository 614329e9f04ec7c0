"""Tokens and links in texts and values: which are found, which texts stay, and how often is looked for them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yieldflow.web.masking import masked, veiled, veiled_document, veiled_value


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["", "id-", "a/", "'"]), st.sampled_from(["", "_x", "!"]))
def test_a_derived_token_is_known_by_its_looks_whosever_it_is(drawn, before, after):
    token = urlsafe_b64encode(sha256(drawn).digest()).rstrip(b"=").decode()
    assert token[1:22] not in veiled(f"answer with {before}{token}{after} now", ())
    assert token[1:22] not in json.dumps(veiled_value([{token: token}], ()))
    assert token[:30] not in veiled(f"answer with {token[:30]}…", ())


@pytest.mark.parametrize(
    "text",
    [
        "checkout-42878eff3f622fa2da208fe17ce08395495512c85e947cbe",
        "order-2026-11-22-Customer-ACME-GmbH-Berlin-0001-and-more",
        "a_function_whose_name_is_longer_than_a_token_of_a_hook()",
        "shipping-address…",
        "6f1c0f0e-0d5b-4c7e-9a0e-3d8f9b9f8f11",
    ],
)
def test_ids_names_and_digests_of_hexadecimal_stay(text):
    assert veiled(text, ()) == text


class Counted(list):
    """Tokens, and how often somebody went through them."""

    walks = 0

    def __iter__(self):
        self.walks += 1
        return super().__iter__()


def test_which_tokens_are_in_a_value_is_looked_up_once_for_all_of_its_texts():
    tokens = Counted(f"of order {number:05}" for number in range(1_000))
    tree = [{"item": f"item {number}"} for number in range(2_000)] + ["it is of order 00007!"]
    assert veiled_value(tree, tokens)[-1] == "it is …!"
    assert tokens.walks == 1


def test_names_and_ids_of_a_document_stay_though_a_token_is_called_like_them():
    document = {"run_id": "order-1", "error": None, "events": [{"name": "order-1", "value": {"order-1": ["order-1"]}}]}
    veiled_events = [{"name": "order-1", "value": {"…": ["…"]}}]
    assert veiled_document(document, ["order-1"]) == {**document, "events": veiled_events}


def test_a_token_that_was_cut_is_masked_as_a_whole_one():
    token = "order-1009/of ann's"
    assert veiled("x order-1009/of…", [token]) == "x …"
    assert veiled("order-1009 stays", [token]) == "order-1009 stays"


@pytest.mark.parametrize("token", ["a'b", "a/b", "a%2Fb", "/x", "a/b/c'd"])
def test_a_link_is_masked_to_the_end_of_its_path(token):
    assert masked(f"GET /hooks/{token}?x=1 HTTP") == "GET /hooks/…?x=1 HTTP"
