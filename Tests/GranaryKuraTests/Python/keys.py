"""Writes what Kura's cache keys are, for conversations made from a seed; needs nothing but Python.

    keys.py SEED COUNT            one JSON object a line: the Unicode version, then conversations and their keys
    keys.py SEED COUNT --kura     the same, and fails where the package `kura`, which must be installed, has another key
    keys.py printable             the code points that str.isprintable takes, as ranges

`key` follows `SummaryModel._get_cache_key` in kura 0.5.4.
"""

import hashlib
import json
import random
import sys
import unicodedata

RANGES = [
    (0x20, 0x7E),  # ASCII
    (0x00, 0x20),  # control characters
    (0x7F, 0xA0),  # more of them
    (0xA0, 0x17F),  # Latin
    (0x300, 0x36F),  # combining marks
    (0x590, 0x6FF),  # Hebrew and Arabic
    (0x2000, 0x206F),  # spaces, joiners, marks of direction
    (0x2FE0, 0x2FFF),  # few of them assigned
    (0x3000, 0x30FF),  # Kana
    (0xD7A0, 0xD7FF),  # just below the surrogates
    (0xE000, 0xF8FF),  # private
    (0xFDD0, 0xFDEF),  # no characters at all
    (0xFE00, 0xFEFF),  # variation selectors, the byte order mark
    (0xFFF0, 0xFFFF),
    (0x1AFF0, 0x1B2FF),  # Kana of several versions of Unicode
    (0x1F300, 0x1FAFF),  # emoji of several versions
    (0x1FFF0, 0x20010),
    (0x2EBF0, 0x2EE5F),  # ideographs of version 15.1
    (0xE0000, 0xE01FF),  # tags
    (0xF0000, 0x10FFFF),  # private
]
PIECES = ["'", '"', "\\", "\n", "\r\n", "\t", "it's", 'say "x"', "\\n", "e\u0301", "👩‍👩‍👧", "שלום", "مرحبا", "\u202e", "日本語", "None", "('", ""]


def text(source):
    parts = []
    for _ in range(source.choice([0, 1, 1, 2, 5, 20])):
        kind = source.random()
        if kind < 0.3:
            parts.append(source.choice(PIECES))
        elif kind < 0.9:
            first, last = source.choice(RANGES)
            parts.append("".join(chr(source.randint(first, last)) for _ in range(source.randint(1, 8))))
        else:
            point = source.randrange(0x110000 - 0x800)
            parts.append(chr(point if point < 0xD800 else point + 0x800))
    return "".join(parts)


def temperature(source):
    kind = source.randrange(6)
    if kind == 0:
        return source.choice([0, 1, 2])
    if kind == 1:
        return source.choice([0.0, -0.0, 0.2, 1.0, 1e16, 1e-5, 1e-4, 9999999999999998.0, 5e-324, 1.7976931348623157e308])
    if kind == 2:
        return round(source.random() * 2, source.randint(1, 4))
    if kind == 3:
        return source.random() * 10 ** source.randint(-320, 300)
    if kind == 4:
        return float(source.randrange(10**17))
    return source.random()


def key(messages, schema, prompt, temperature, model):
    components = (tuple(messages), schema, hashlib.md5(prompt.encode()).hexdigest(), temperature, model)
    return hashlib.md5(str(components).encode()).hexdigest()


def package_key(messages, schema, prompt, temperature, model):
    from types import SimpleNamespace
    from kura.summarisation import SummaryModel

    conversation = SimpleNamespace(messages=[SimpleNamespace(role=role, content=content) for role, content in messages])
    return SummaryModel(model=model)._get_cache_key(conversation, type(schema, (), {}), prompt, temperature)


def conversations(seed, count, asks_package):
    source = random.Random(seed)
    for _ in range(count):
        length = source.choice([0, 1, 1, 2, 3, 7])
        messages = [(source.choice(["user", "assistant", text(source)]), text(source)) for _ in range(length)]
        schema = source.choice(["GeneratedSummary", "Report"])
        parts = (messages, schema, text(source), temperature(source), source.choice(["openai/gpt-4o-mini", text(source)]))
        if asks_package and package_key(*parts) != key(*parts):
            sys.exit(f"kura has another key for {parts!r}")
        messages, schema, prompt, heat, model = parts
        yield {
            "messages": messages,
            "schema": schema,
            "prompt": prompt,
            "temperature": repr(heat),
            "model": model,
            "key": key(*parts),
        }


def main(arguments):
    if arguments == ["printable"]:
        first = None
        for point in range(0x110001):
            is_printable = point < 0x110000 and chr(point).isprintable()
            if is_printable and first is None:
                first = point
            elif not is_printable and first is not None:
                print(first, point - 1)
                first = None
        return
    print(json.dumps({"unicode": unicodedata.unidata_version}))
    for conversation in conversations(int(arguments[0]), int(arguments[1]), "--kura" in arguments):
        print(json.dumps(conversation))


main(sys.argv[1:])
