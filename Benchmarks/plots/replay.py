#!/usr/bin/env python3
"""Draws what `cache-replay --format json` has written: miss ratios over size limits, a panel for each trace.

    python3 -m venv venv && venv/bin/pip install matplotlib
    venv/bin/python plots/replay.py replay.json replay.svg
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

# (cache, charge): label, colour, dashes, width; drawn in this order.
STYLES = {
    ("fifo", "entry"): ("FIFO, charged for entries", "#b8b8b8", "-", 1.2),
    ("lru", "entry"): ("LRU, charged for entries", "#d1853c", "-", 1.4),
    ("sieve", "entry"): ("SIEVE, charged for entries", "#4f9d69", "-", 1.4),
    ("s3fifo", "entry"): ("S3-FIFO, charged for entries", "#3b73b9", "--", 1.4),
    ("s3fifo", "value"): ("S3-FIFO, charged for values", "#3b73b9", "-", 1.4),
    ("belady", "value"): ("Belady's bound, charged for values", "#7a7a7a", ":", 1.4),
    ("store", "entry"): ("the store", "#b5213b", "-", 2.6),
}


def draw(rows, path):
    traces = list(dict.fromkeys(row["trace"] for row in rows))
    figure, panels = plt.subplots(1, len(traces), figsize=(3.4 * len(traces), 3.6), sharey=True, squeeze=False)
    for panel, trace in zip(panels[0], traces):
        of_trace = [row for row in rows if row["trace"] == trace]
        for (cache, charge), (label, colour, dashes, width) in STYLES.items():
            line = sorted(
                (100 * row["limit"] / row["footprint"], row["miss_ratio"])
                for row in of_trace
                if (row["cache"], row["charge"]) == (cache, charge)
            )
            if not line:
                continue
            shares, ratios = zip(*line)
            panel.plot(
                shares, ratios, label=label, color=colour, linestyle=dashes, linewidth=width, marker="o", markersize=3
            )
        shares = sorted({100 * row["limit"] / row["footprint"] for row in of_trace})
        panel.set_xscale("log")
        panel.set_xticks(shares, [f"{share:.3g}" for share in shares])
        panel.minorticks_off()
        panel.set_title(trace, fontsize=10)
        panel.set_xlabel("limit, % of the values' bytes", fontsize=9)
        panel.grid(color="#e6e6e6", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    panels[0][0].set_ylabel("requests that miss", fontsize=9)
    panels[0][0].set_ylim(0, 1.03)
    lines = {}
    for panel in panels[0]:
        for handle, label in zip(*panel.get_legend_handles_labels()):
            lines.setdefault(label, handle)
    figure.legend(lines.values(), lines.keys(), loc="lower center", ncols=3, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.16, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: replay.py FIGURES.json PLOT.svg")
    source, target = sys.argv[1:]
    try:
        with open(source, encoding="utf-8") as file:
            rows = json.load(file)
    except (OSError, ValueError) as error:
        sys.exit(f"{source}: {error}; it takes what cache-replay writes with --format json")
    if not rows:
        sys.exit(f"{source}: no figures")
    matplotlib.rcParams["svg.hashsalt"] = "replay"
    draw(rows, target)


if __name__ == "__main__":
    main()
