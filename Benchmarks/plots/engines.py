#!/usr/bin/env python3
"""Draws what `cache-bench --format json` has written, one SVG for each kind of figure.

    python3 -m venv venv && venv/bin/pip install matplotlib
    venv/bin/python plots/engines.py DIRECTORY FIGURES.json…

Figures of several runs are drawn together. As times drift from run to run, the throughput of a later file's engines is
drawn as that of its base engine in the first file, divided by the ratio of the times within their own run.
"""

import json
import os
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

# Ours in red, SQLite's in blue, the other stores in green and ochre, what keeps nothing in grey.
COLOURS = {
    "segment": "#b5213b",
    "segment-lend": "#d4667a",
    "segment-lz4": "#8a4a57",
    "segment-compact": "#6b2c3a",
    "segment-cache": "#e3a3ae",
    "lmdb": "#4f9d69",
    "rocksdb": "#8a8f3c",
    "tkrzw": "#d1853c",
    "sqlite-tuned": "#1f4e8c",
    "sqlite-cache": "#3b73b9",
    "sqlite-diskcache": "#7fa8d6",
    "diskcache": "#b4cbe6",
    "dictionary": "#b8b8b8",
    "limit": "#7a7a7a",
    "limit-lz4": "#9a9a9a",
}
TITLES = {
    "get-zipf": "get, Zipf",
    "get": "get, uniform",
    "lend-zipf": "lend, Zipf",
    "miss": "miss",
    "load": "single sets",
    "load-batch": "sets in batches of 1,000",
    "set-fresh": "overwrites",
    "mixed-95-5": "95 % gets, 5 % sets",
    "mixed-50-50": "50 % gets, 50 % sets",
}


def short(number):
    for size, suffix in ((1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def nanoseconds(number):
    for size, suffix in ((1e6, " ms"), (1e3, " µs")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.0f} ns"


def bars(panel, rows, measure, text, title, logarithmic=True):
    rows = [row for row in rows if row.get(measure)]
    rows.sort(key=lambda row: list(COLOURS).index(row["engine"]), reverse=True)
    values = [row[measure] for row in rows]
    panel.barh([row["engine"] for row in rows], values, color=[COLOURS[row["engine"]] for row in rows], height=0.72)
    if logarithmic and values:
        panel.set_xscale("log")
        panel.set_xlim(min(values) / 4, max(values) * 5)
    elif values:
        panel.set_xlim(0, max(values) * 1.25)
    for number, value in enumerate(values):
        panel.annotate(text(value), (value, number), (3, 0), textcoords="offset points", va="center", fontsize=7)
    panel.set_title(title, fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8)
    panel.minorticks_off()


def bar_panels(rows, workloads, measure, text, label, path):
    workloads = [
        workload for workload in workloads if any(row["workload"] == workload and row.get(measure) for row in rows)
    ]
    if not workloads:
        return
    columns = min(3, len(workloads))
    lines = -(-len(workloads) // columns)
    tallest = max(len({row["engine"] for row in rows if row["workload"] == workload}) for workload in workloads)
    size = (3.6 * columns, (0.9 + 0.22 * tallest) * lines)
    figure, panels = plt.subplots(lines, columns, figsize=size, squeeze=False)
    for panel in panels.flat[len(workloads) :]:
        panel.set_visible(False)
    for panel, workload in zip(panels.flat, workloads):
        of_workload = [row for row in rows if row["workload"] == workload]
        bars(panel, of_workload, measure, text, TITLES.get(workload, workload))
    figure.supxlabel(label, fontsize=8)
    save(figure, path)


def latencies(rows, workloads, path):
    measures = ("p50_ns", "p99_ns", "p999_ns", "p9999_ns")
    workloads = [
        workload for workload in workloads if any(row["workload"] == workload and row.get("p9999_ns") for row in rows)
    ]
    if not workloads:
        return
    figure, panels = plt.subplots(1, len(workloads), figsize=(3.4 * len(workloads), 3.6), sharey=True, squeeze=False)
    lines = {}
    for panel, workload in zip(panels[0], workloads):
        for row in rows:
            if row["workload"] == workload and row.get("p9999_ns"):
                (line,) = panel.plot(
                    range(len(measures)),
                    [row[measure] for measure in measures],
                    color=COLOURS[row["engine"]],
                    linewidth=2.4 if row["engine"].startswith("segment") else 1.4,
                    marker="o",
                    markersize=3,
                )
                lines[row["engine"]] = line
        panel.set_yscale("log")
        panel.set_xticks(range(len(measures)), ("50 %", "99 %", "99.9 %", "99.99 %"))
        panel.yaxis.set_major_formatter(lambda value, _: nanoseconds(value))
        panel.set_title(TITLES.get(workload, workload), fontsize=10)
        panel.grid(color="#e6e6e6", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    figure.legend(lines.values(), lines.keys(), loc="lower center", ncols=6, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.17, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def space(rows, path):
    closed = [row for row in rows if row["workload"] == "load-batch" and row.get("disk_bytes_per_entry")]
    if not closed:
        return
    figure, panel = plt.subplots(figsize=(5.4, 0.9 + 0.22 * len(closed)))
    bars(panel, closed, "disk_bytes_per_entry", short, "bytes on the disk for an entry, closed", logarithmic=False)
    panel.axvline(closed[0]["value_bytes_mean"] + 32, color="#7a7a7a", linestyle=":", linewidth=1)
    save(figure, path)


def summary(rows, path):
    """The picture for who reads one only."""
    bar_panels(rows, ("get-zipf", "miss", "load"), "ops_per_second", short, "operations a second, one thread", path)


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def read(paths):
    rows, first, bases = [], {}, {}
    for number, path in enumerate(paths):
        try:
            with open(path, encoding="utf-8") as file:
                figures = json.load(file)
        except (OSError, ValueError) as error:
            sys.exit(f"{path}: {error}; it takes what cache-bench writes with --format json")
        for row in figures:
            place = (row["engine"], row["workload"], row["threads"], row["note"])
            if place in first:
                continue
            first[place] = row
            base = bases.get((row["base"], row["workload"], row["threads"]))
            if number > 0 and base and row["ratio_to_base"]:
                row["ops_per_second"] = base["ops_per_second"] / row["ratio_to_base"]
            rows.append(row)
        if number == 0:
            bases = {(row["engine"], row["workload"], row["threads"]): row for row in rows}
    return rows


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: engines.py DIRECTORY FIGURES.json…")
    target = sys.argv[1]
    rows = read(sys.argv[2:])
    single = [row for row in rows if row["threads"] == 1]
    if not single:
        sys.exit("no figures of one thread")
    os.makedirs(target, exist_ok=True)
    matplotlib.rcParams["svg.hashsalt"] = "engines"
    summary(single, f"{target}/summary.svg")
    bar_panels(single, TITLES, "ops_per_second", short, "operations a second, one thread", f"{target}/throughput.svg")
    latencies(single, ("get-zipf", "miss", "set-fresh"), f"{target}/latency.svg")
    bar_panels(
        [row for row in rows if row["threads"] == 2],
        TITLES,
        "ops_per_second",
        short,
        "operations a second, two threads",
        f"{target}/two-threads.svg",
    )
    space(single, f"{target}/space.svg")


if __name__ == "__main__":
    main()
