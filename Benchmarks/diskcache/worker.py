#!/usr/bin/env python3
"""The worker that measures diskcache itself: it takes the commands of cache-bench's workers and gives their answers.

Keys are text and values bytes, as in the engines beside it. Everything that a loop needs is made before its clock starts.
"""

import argparse
import array
import collections
import gc
import json
import os
import random
import sys
import threading
import time

import diskcache

MASK = (1 << 64) - 1
TEXT_LENGTH = 8_192
LENGTHS = 4_096
BATCH_LENGTH = 1_000
SET_SHARES = {"set": 1, "set-fresh": 1, "mixed-95-5": 0.05, "mixed-50-50": 0.5}
ZIPF = {"get-zipf", "lend-zipf", "mixed-95-5", "mixed-50-50"}


def scatter(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


class Dataset:
    """The keys and values of cache-bench, from the lengths and texts that it has written."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.lengths = array.array("H", file.read(2 * LENGTHS))
            self.texts = [file.read(TEXT_LENGTH) for _ in range(64)]
        if sys.byteorder != "little":
            self.lengths.byteswap()
        self.mean_length = sum(self.lengths) / LENGTHS

    @staticmethod
    def mixed(number):
        return scatter((number * 0x9E3779B97F4A7C15) & MASK)

    def key(self, number):
        return f"{self.mixed(number):016x}{self.mixed(number ^ 0x555555555555):016x}"

    def length(self, number):
        return self.lengths[(self.mixed(number) >> 40) & (LENGTHS - 1)]

    def stamps(self, number):
        mixed = self.mixed(number)
        first = mixed & 0x3F3F3F3F3F3F3F3F | 0x4040404040404040
        last = (mixed >> 5) & 0x3F3F3F3F3F3F3F3F
        return first.to_bytes(8, "little"), last.to_bytes(8, "little")

    def value(self, number, version):
        first, last = self.stamps(number)
        text = self.texts[((self.mixed(number) >> 8) + version) & 63]
        return first + text[8 : self.length(number) - 8] + last

    def check(self, number):
        """What tells a right answer from a wrong one while the clock runs: length and both stamps."""
        return (self.length(number), *self.stamps(number))


class Zipf:
    """As in cache-bench: Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994."""

    def __init__(self, count, theta=0.99):
        self.count = count
        self.half = 0.5**theta
        self.zeta = sum(rank**-theta for rank in range(1, count + 1))
        self.alpha = 1 / (1 - theta)
        self.eta = (1 - (2 / count) ** (1 - theta)) / (1 - (1 + self.half) / self.zeta)

    def draw(self, generator):
        unit = generator.random()
        scaled = unit * self.zeta
        if scaled < 1:
            rank = 0
        elif scaled < 1 + self.half:
            rank = 1
        else:
            rank = min(self.count - 1, int(self.count * (self.eta * unit - self.eta + 1) ** self.alpha))
        return scatter(rank + 77) % self.count


def percentiles(times):
    """Of times, or of a Counter of them."""
    counts = sorted(collections.Counter(times).items())
    total = sum(count for _, count in counts)

    def at(share):
        before = 0
        for time, count in counts:
            before += count
            if before > total * share:
                return time
        return counts[-1][0]

    return {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "p9999": at(0.9999), "longest": counts[-1][0]}


class Worker:
    def __init__(self, options):
        self.dataset = Dataset(options.dataset)
        self.entries = options.entries
        self.versions = bytearray(self.entries)
        self.zipf = None
        self.anonymous = memory()["RssAnon"]
        # Without a limit, what diskcache would throw away beyond its gigabyte would be missed.
        self.cache = diskcache.Cache(options.directory, size_limit=options.size_limit or 1 << 50)

    # Commands

    def load(self, inBatches, start, count, threads):
        items = [self.next_item(number) for number in range(start, start + count)]
        run = self.load_batches if inBatches else self.load_singly
        bounds = [count * thread // threads for thread in range(threads + 1)]
        seconds = self.together(run, [items[low:high] for low, high in zip(bounds, bounds[1:])])
        return {"operations": count, "seconds": seconds}

    def load_singly(self, items):
        put = self.cache.set
        start = time.perf_counter()
        for key, value in items:
            put(key, value)
        return time.perf_counter() - start

    def load_batches(self, items):
        put = self.cache.set
        start = time.perf_counter()
        for first in range(0, len(items), BATCH_LENGTH):
            with self.cache.transact():
                for key, value in items[first : first + BATCH_LENGTH]:
                    put(key, value)
        return time.perf_counter() - start

    def settle(self):
        start = time.perf_counter()
        self.cache._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return {"operations": 1, "seconds": time.perf_counter() - start}

    def assume(self, overwritten, times):
        for number in range(self.entries):
            self.versions[number] = 1 + times if number < overwritten else 1
        return {}

    def overwrite(self, count):
        return {"operations": count, "seconds": self.load_singly([self.next_item(number) for number in range(count)])}

    def slice(self, workload, operations, threads, seed):
        slices = [self.operations(workload, operations, thread, threads, seed) for thread in range(threads)]
        return {"operations": operations * threads, "seconds": self.together(self.run, slices)}

    def together(self, run, slices):
        """Runs each of the slices on a thread of its own; gives the longest time."""
        if len(slices) == 1:
            return run(slices[0])
        seconds, errors = [], []
        barrier = threading.Barrier(len(slices))

        def begin(items):
            try:
                self.cache.get("")  # opens the thread's own connection
                barrier.wait()
                seconds.append(run(items))
            except Exception as error:
                errors.append(error)

        runners = [threading.Thread(target=begin, args=(items,)) for items in slices]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        if errors:
            raise errors[0]
        return max(seconds)

    def timeEach(self, workload, operations, seed):
        times = []
        seconds = self.run(self.operations(workload, operations, 0, 1, seed), times)
        return {"operations": operations, "seconds": seconds, "latency": {"each": percentiles(times)}}

    def verify(self):
        for number in range(self.entries):
            if self.cache.get(self.dataset.key(number)) != self.dataset.value(number, self.versions[number]):
                raise ValueError(f"entry {number}: a wrong value or none")
        return {"operations": self.entries}

    def latency(self, perSecond, seconds):
        """An open loop: each set is timed from the moment it was due. The same loop doing nothing before and after it."""
        count = int(perSecond * seconds)
        generator = random.Random(99)
        items = [self.next_item(generator.randrange(self.entries)) for _ in range(count)]
        idle = self.open_loop(items, perSecond, lambda key, value: None)
        paced = self.open_loop(items, perSecond, self.cache.set)
        idle += self.open_loop(items, perSecond, lambda key, value: None)
        return {"operations": count, "seconds": 0, "latency": {"timer": percentiles(idle), "paced": percentiles(paced)}}

    def open_loop(self, items, per_second, call):
        times = []
        clock = time.perf_counter_ns
        start = clock()
        for number, (key, value) in enumerate(items):
            due = start + number * 1_000_000_000 // per_second
            while clock() < due:
                pass
            call(key, value)
            times.append(clock() - due)
        return times

    def turnover(self, sizeLimit, bytesPerSecond, seconds, reads):
        number, written = 0, 0
        while written < 2 * sizeLimit:
            written += self.set_new(number)
            number += 1
        recent = max(1, int(sizeLimit / self.dataset.mean_length / 3))
        shared = {"next": number, "stop": False, "hits": 0, "zipf": Zipf(recent) if reads == "zipf" else None}
        got, errors = [], []
        reader = threading.Thread(target=self.read_recent, args=(shared, recent, got, errors))
        first, first_bytes, times, due_times = number, written, [], []
        clock = time.perf_counter_ns
        idle = collections.Counter()
        pause = clock() + int(seconds * 5e8)
        while (begin := clock()) < pause:
            idle[clock() - begin] += 1
        reader.start()
        start = clock()
        end = start + int(seconds * 1e9)
        while True:
            due = start + (int((written - first_bytes) * 1e9 / bytesPerSecond) if bytesPerSecond else 0)
            # Threads of Python hold one another up: whoever is early sleeps.
            while (begin := clock()) < due:
                time.sleep((due - begin) / 1e9)
            if begin >= end:
                break
            key, value = self.dataset.key(number), self.dataset.value(number, 0)
            begin = clock()
            self.cache.set(key, value)
            done = clock()
            times.append(done - begin)
            due_times.append(done - due)
            written += len(value)
            number += 1
            shared["next"] = number
        elapsed = (clock() - start) / 1e9
        shared["stop"] = True
        reader.join()
        if errors:
            raise errors[0]
        figures = {
            "set": percentiles(times),
            "get": percentiles(got),
            "timer": percentiles(idle),
            "bytesPerSecond": (written - first_bytes) / elapsed,
            "hitShare": shared["hits"] / max(1, len(got)),
            "waitShare": 0,
        }
        if bytesPerSecond:
            figures["setFromDue"] = percentiles(due_times)
        return {"operations": number - first, "seconds": elapsed, "turnover": figures}

    def close(self):
        start = time.perf_counter()
        self.cache.close()
        return {"operations": 1, "seconds": time.perf_counter() - start}

    # Parts

    def next_item(self, number):
        self.versions[number] = (self.versions[number] + 1) & 255
        return self.dataset.key(number), self.dataset.value(number, self.versions[number])

    def set_new(self, number):
        value = self.dataset.value(number, 0)
        self.cache.set(self.dataset.key(number), value)
        return len(value)

    def read_recent(self, shared, recent, times, errors):
        generator = random.Random(5)
        clock = time.perf_counter_ns
        try:
            while not shared["stop"]:
                newest = shared["next"] - 1
                # A popularity belongs to every so manyth entry; the newest of those is got.
                place = shared["zipf"].draw(generator) if shared["zipf"] else generator.randrange(recent)
                number = newest - (newest - place) % recent
                key, (length, first, last) = self.dataset.key(number), self.dataset.check(number)
                start = clock()
                value = self.cache.get(key)
                times.append(clock() - start)
                if value is not None:
                    shared["hits"] += 1
                    if len(value) != length or value[:8] != first or value[-8:] != last:
                        raise ValueError(f"entry {number}: a wrong value at the size limit")
        except Exception as error:
            errors.append(error)

    def operations(self, workload, count, thread, threads, seed):
        """Triples of a key, the value to set or None, and what a get must find or None."""
        generator = random.Random(seed + thread * 0x123456789ABC)
        share = SET_SHARES.get(workload, 0)
        if workload in ZIPF and self.zipf is None:
            self.zipf = Zipf(self.entries)
        items = []
        for _ in range(count):
            if workload == "miss":
                items.append((self.dataset.key(self.entries + generator.getrandbits(40)), None, None))
                continue
            number = self.zipf.draw(generator) if workload in ZIPF else generator.randrange(self.entries)
            if share and generator.random() < share:
                if threads > 1:
                    # Threads set entries of their own, so that each knows which value an entry has.
                    own = number - number % threads + thread
                    number = own if own < self.entries else thread
                key, value = self.next_item(number)
                items.append((key, value, None))
            else:
                items.append((self.dataset.key(number), None, self.dataset.check(number)))
        return items

    def run(self, items, times=None):
        get, put, clock = self.cache.get, self.cache.set, time.perf_counter_ns
        start = clock()
        begin = start
        for key, value, wanted in items:
            if times is not None:
                begin = clock()
            if value is not None:
                put(key, value)
            else:
                found = get(key)
                if wanted is None:
                    if found is not None:
                        raise ValueError(f"{key}: a value that nobody set")
                elif found is None or (len(found), found[:8], found[-8:]) != wanted:
                    raise ValueError(f"{key}: a wrong value or none")
            if times is not None:
                times.append(clock() - begin)
        return (clock() - start) / 1e9


def memory():
    with open("/proc/self/status", encoding="ascii") as file:
        fields = (line.split() for line in file)
        return {line[0].rstrip(":"): int(line[1]) << 10 for line in fields if line[0] in ("RssAnon:", "VmRSS:")}


def serve(options):
    worker = Worker(options)
    for line in sys.stdin:
        answer = {"operations": 0, "seconds": 0}
        try:
            ((command, arguments),) = json.loads(line).items()
            arguments = {"workload" if name == "_0" else name: value for name, value in arguments.items()}
            gc.collect()
            gc.disable()
            answer.update(getattr(worker, command)(**arguments))
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        gc.enable()
        figures = memory()
        answer["anonymousBytes"] = figures["RssAnon"] - worker.anonymous
        answer["residentBytes"] = figures["VmRSS"]
        print(json.dumps(answer), flush=True)


def open_once(options):
    dataset = Dataset(options.dataset)
    key = dataset.key(0)
    start = time.perf_counter()
    cache = diskcache.Cache(options.directory)
    value = cache.get(key)
    seconds = time.perf_counter() - start
    if value is None or (len(value), value[:8], value[-8:]) != dataset.check(0):
        sys.exit("the first entry was not found, or is another")
    cache.close()
    print(json.dumps({"seconds": seconds}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("serve", "open-once"))
    parser.add_argument("--engine")
    parser.add_argument("--directory", required=True)
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--overwrites", type=int)
    parser.add_argument("--size-limit", type=int)
    parser.add_argument("--dataset", required=True)
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    serve(options) if options.command == "serve" else open_once(options)


if __name__ == "__main__":
    main()
