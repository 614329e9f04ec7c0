"""Every wrong call is one sentence on stderr, an exit code, and changes nothing."""

import pytest

SHOP = "tests.cli.shop"

WRONG = [
    # what was typed, exit code, what is said of it
    ([f"{SHOP}:hello", "World"], 2, "argument 1 is not JSON (strings need quotes, '\"World\"'): World"),
    ([f"{SHOP}:hello", '"a"', '{"b":'], 2, "argument 2 is not JSON"),
    ([f"{SHOP}:hello", "[NaN]"], 2, "NaN is no number of JSON"),
    ([f"{SHOP}:hello", "5"], 2, "do not fit hello(name: str = 'World', *, times: int = 1): name cannot be read as str"),
    ([f"{SHOP}:hello", '"a"', '"b"'], 2, "too many positional arguments"),
    ([f"{SHOP}:checkout"], 2, "missing a required argument: 'order'"),
    ([f"{SHOP}:hello", "--kw", "times"], 2, "write --kw NAME=JSON"),
    ([f"{SHOP}:hello", "--kw", "times=two"], 2, "--kw times is not JSON"),
    ([f"{SHOP}:hello", "--kw", 'times="2"'], 2, "times cannot be read as int"),
    ([f"{SHOP}:hello", "--nothing"], 2, "there is no option --nothing"),
    ([f"{SHOP}:hello", "--run-id", ""], 2, "'' cannot be a run id"),
    ([f"{SHOP}:hello", "--run-id", "x" * 201], 2, "cannot be a run id"),
    ([f"{SHOP}:hello", "--run-id", "a\nb"], 2, "'a\\nb' cannot be a run id"),
    ([f"{SHOP}:hello", "--run-id", "o1"], 2, "run 'o1' exists already with the workflow tests.cli.shop:asks"),
    ([f"{SHOP}:asks", '"o2"', "--run-id", "o1"], 2, "run 'o1' exists already with other arguments"),
    ([f"{SHOP}:helo"], 3, "has no 'helo'; did you mean hello?"),
    ([f"{SHOP}:pack"], 3, "'pack' is a Step; its workflows are asks, checkout,"),
    ([SHOP], 3, "it names none; its workflows are asks, checkout,"),
    (["nowhere.flows:hello"], 3, "there is no module of this name"),
    (["flow.py:hello"], 3, "there is no such file in"),
    (["flow.py:hello"], 3, "did you mean flows.py?"),
]


@pytest.mark.parametrize(("args", "code", "said"), WRONG)
def test_a_wrong_call_is_one_sentence_and_changes_nothing(checkout, args, code, said):
    before = checkout.histories()
    for verb in ("run", "start"):
        result = checkout(verb, *args)
        assert (result.exit_code, result.stdout) == (code, "")
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert checkout.histories() == before


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["inspect", "nope"], 3, "there is no run 'nope'"),
        (["inspect", ""], 3, "there is no run ''"),
        (["inspect", "o1", "--at", "99"], 2, "its log has the positions 1 to"),
        (["inspect", "o1", "--at", "0"], 2, "run 'o1' has no position 0"),
        (["result", "nope"], 3, "there is no run 'nope'"),
        (["result", "o1", "--timeout", "soon"], 2, "'soon' is not a duration"),
        (["send", "nope", "approval", "true"], 3, "there is no run 'nope'"),
        (["send", "o1", "approval", "tru"], 2, "the payload is not JSON (strings need quotes"),
        (["hook", "abc", "true"], 3, "no open hook has this token"),
        (["cancel", "nope"], 3, "there is no run 'nope'"),
        (["ls", "--since", "2x"], 2, "'2x' is not a duration"),
        (["ls", "--status", "odd"], 2, "'odd' is not one of"),
        (["nothing"], 2, "no such command 'nothing'"),
        (["--url", "mongo://x", "ls"], 2, "has the scheme 'mongo', which no store has"),
        (["--url", "redis://127.0.0.1:1/0", "ls"], 4, "cannot be reached"),
        (["--url", "sqlite:///elsewhere.db", "ls"], 4, "there is no store sqlite:///elsewhere.db yet"),
        (["--url", "sqlite:///no/dir/x.db", "start", f"{SHOP}:hello"], 4, "create it first"),
        (["-m", "nowhere", "ls"], 3, "nowhere cannot be loaded"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(checkout, args, code, said):
    before = checkout.histories()
    result = checkout(*args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert checkout.histories() == before
    assert not (checkout.home / "elsewhere.db").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos.environ['NO_SUCH_KEY']\n", "KeyError at {file}:2: 'NO_SUCH_KEY'"),
        ("def (:\n", "SyntaxError at {file}:1: invalid syntax"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError at {file}:1"),
        ("class Odd(Exception): ...\nraise Odd\n", "Odd at {file}:2"),
        ("raise SystemExit(0)\n", "SystemExit at {file}:1: 0"),
    ],
)
def test_a_module_that_raises_is_named_with_its_line(shell, source, said):
    file = shell.home / "broken.py"
    file.write_text(source)
    result = shell("run", "broken.py:hello")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"broken.py cannot be imported: {said.format(file=file)}" in result.stderr
    assert not (shell.home / "shop.db").exists()


def test_no_command_is_help(shell):
    result = shell()
    assert result.exit_code == 0
    assert "Commands:" in result.stdout
