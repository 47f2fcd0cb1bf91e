"""Makes the files in Fixtures, with the packages themselves: pip install kura==0.5.4 diskcache==5.6.3.

    make_fixtures.py DIRECTORY

Pickles of summaries in every protocol, and the cache of a process that was killed: entries in its log, one in a file
beside the database, one that has expired, one that is no summary.
"""

import datetime
import os
import pathlib
import pickle
import subprocess
import sys

from kura.cache import DiskCacheStrategy
from kura.types.summarisation import ConversationSummary, GeneratedSummary


def plain():
    return ConversationSummary(
        chat_id="chat-1",
        metadata={"conversation_turns": 2, "team": "support"},
        summary="A user's Grüße are \"translated\" 👋.",
        request="The user's overall request for the assistant is to translate a greeting.",
        topic="translation",
        languages=["english", "german"],
        task="The task is to translate.",
        concerning_score=1,
        user_frustration=2,
        assistant_errors=["Responses were too long", "Responses were too long"],
    )


def extended():
    from pydantic import BaseModel

    class When(BaseModel):
        utc: datetime.datetime
        offset: datetime.datetime

    parsed = When.model_validate_json('{"utc": "2026-01-02T03:04:05Z", "offset": "2026-01-02T03:04:05.5+02:00"}')
    zone = datetime.timezone(datetime.timedelta(hours=-3), "west")
    return ConversationSummary(
        chat_id="chat-2",
        metadata={
            "conversation_turns": 0,
            "ratio": -1.5e300,
            "flags": [True, False, None],
            "large": 10**30,
            "negative": [-1, -(2**40), 2**63 - 1, -(2**63), 300, 70000],
            "pair": (1, "two"),
            "four": (1, 2, 3, 4),
            "nothing": (),
            "labels": {"a", "b"},
            "fixed": frozenset(["c"]),
            "raw": b"bytes",
            "empty": b"",
            "long": b"x" * 300,
            "nested": {"deeper": {"deepest": [1.0, 2.0]}},
            "date": datetime.date(2026, 1, 2),
            "time": datetime.time(3, 4, 5, 6),
            "naive": datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
            "utc": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
            "west": datetime.datetime(2026, 1, 2, tzinfo=zone, fold=1),
            "parsed": parsed.model_dump(),
            "span": datetime.timedelta(days=1, seconds=2),
        },
        summary="Extended.",
        embedding=[0.25, -0.5],
    )


def killed(directory):
    """Fills a cache and dies without closing it."""
    strategy = DiskCacheStrategy(directory)
    cache = strategy.cache
    cache.reset("sqlite_auto_vacuum", 0)
    strategy.set("0" * 32, plain())
    strategy.set("1" * 32, plain().model_copy(update={"summary": "long " * 8_000}))
    cache.set("3" * 32, plain().model_copy(update={"topic": "in 2100"}), expire=60)
    strategy.set("4" * 32, "a text")
    strategy.set("question", plain())
    strategy.set("5" * 32, GeneratedSummary(summary="Generated."))
    # Expired only afterwards: every set removes what is.
    cache.set("2" * 32, plain(), expire=60)
    for key, moment in [("2", 1_000_000_000), ("3", 4_102_444_800)]:
        cache._sql("UPDATE Cache SET expire_time = ? WHERE key = ?", (moment, key * 32))
    os.kill(os.getpid(), 9)


def main(directory):
    if sys.argv[2:] == ["killed"]:
        killed(str(directory))
    for name, summary in [("plain", plain()), ("extended", extended())]:
        for protocol in range(2, 6):
            (directory / f"{name}-{protocol}.pickle").write_bytes(pickle.dumps(summary, protocol=protocol))
    cache = directory / "killed"
    subprocess.run([sys.executable, __file__, str(cache), "killed"], check=False)
    (cache / "cache.db-shm").unlink()


main(pathlib.Path(sys.argv[1]))
