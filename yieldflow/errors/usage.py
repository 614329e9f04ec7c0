"""The caller's fault: what was asked for cannot be done, and nothing was changed. Also: the store cannot be used."""

from __future__ import annotations

from yieldflow.errors.root import YieldflowError, error, masked, shortened, shown


class UsageError(YieldflowError):
    """What was asked for cannot be done; nothing was changed."""


class NotFoundError(UsageError):
    """What was named does not exist."""


@error
class UnknownRun(NotFoundError):
    run_id: object

    def __str__(self) -> str:
        return f"there is no run {shown(self.run_id)}; `yieldflow ls` lists those that there are"


@error
class UnknownToken(NotFoundError):
    def __str__(self) -> str:
        return "no open hook has this token; its run may have ended, or the link was not copied whole"


@error
class HookTokenTaken(UsageError):
    """The token itself is a secret, and not said."""

    hook: str

    def __str__(self) -> str:
        return (
            f"the token of hook {self.hook!r} is in use by another hook; a token of one's own has to be "
            "another one for each run, such as one made of its run id"
        )


@error
class UnknownTarget(NotFoundError):
    target: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{shown(self.target)} is not a workflow: {shortened(self.reason)}; "
            "name one as package.module:name or path/to/file.py:name"
        )


@error
class BadRunId(UsageError):
    run_id: object

    def __str__(self) -> str:
        return f"{shown(self.run_id)} cannot be a run id: use 1 to 200 printable characters without '~'"


@error
class BadUrl(UsageError):
    url: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the store URL {shown(masked(self.url))} {shortened(self.reason)}; "
            "use memory:, sqlite:///file.db, redis://host:port/0, rediss:// or unix://"
        )


@error
class BadArguments(UsageError):
    name: str
    reason: str

    def __str__(self) -> str:
        return f"the arguments do not fit {self.name}: {shortened(self.reason)}"


@error
class BadPayload(UsageError):
    hook: object
    reason: str

    def __str__(self) -> str:
        return f"the payload does not fit hook {shown(self.hook)}: {shortened(self.reason)}"


@error
class RunExists(UsageError):
    run_id: str
    difference: str

    def __str__(self) -> str:
        difference = shortened(self.difference)
        return f"run {self.run_id!r} exists already with {difference}; choose another run id, or go on with that run"


@error
class RunEnded(UsageError):
    run_id: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} has ended and takes nothing any more"


@error
class NotFailed(UsageError):
    run_id: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} has not failed, so there is nothing to retry; fork() begins again from any moment"


@error
class UnknownData(NotFoundError):
    run_id: str
    key: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} has ended and never set {shown(self.key)}"


@error
class InboxFull(UsageError):
    run_id: str
    limit: int

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} has {self.limit:,} unread payloads and takes no more until the workflow receives some"
        )


@error
class InsideWorkflow(UsageError):
    verb: str

    def __str__(self) -> str:
        return (
            f"{self.verb} was called in a workflow: `yield` a command instead (a run of its own: `yield detach(...)`)"
        )


class StoreError(YieldflowError):
    """The store cannot be used."""


@error
class StoreUnreachable(StoreError):
    url: str
    reason: str

    def __str__(self) -> str:
        asked = "" if self.url.startswith("sqlite:") else "; is the server running, and is the URL right?"
        return f"the store {masked(self.url)} cannot be reached ({self.reason}){asked}"


@error
class StoreUnsuitable(StoreError):
    url: str
    reason: str

    def __str__(self) -> str:
        return f"the store {masked(self.url)} cannot be used: {self.reason}"


@error
class ReplyLost(StoreError):
    """The connection broke while a call was under way: it may or may not have been applied."""

    reason: str

    def __str__(self) -> str:
        return f"the store did not answer ({self.reason}); whether the call was applied is found by reading the log"
