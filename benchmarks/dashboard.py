"""The class reports of 1,000 students: time to write, size, and time in a browser.

    python -m benchmarks.dashboard [--students 1000] [--rounds 5] [--chromium PATH]

The class is made of the labelled samples' texts and of records as a run fills
them in. Chromium opens a copy of the dashboard to which one script is added:
it waits until the page is painted, then filters and sorts as a person would,
and takes the time until the browser has laid the page out again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.browser import Browser
from benchmarks.class_of import INFO, make_class
from grader.batch.model import StudentResult
from grader.batch.outputs import write_all
from grader.batch.outputs.similarity_pages import given_code
from grader.batch.similarity.compare import compare
from grader.batch.similarity.features import Features

RESULTS = Path(__file__).parent / "results" / "dashboard.json"
PROBE = """new Promise((done) => {
  const painted = () => requestAnimationFrame(() => requestAnimationFrame(run));
  const run = () => {
    const times = { open: performance.now() };
    const timed = (name, action) => {
      const began = performance.now();
      action();
      document.body.offsetHeight;
      times[name] = performance.now() - began;
    };
    timed("go to the table", () => document.getElementById("students").scrollIntoView());
    const search = document.getElementById("search");
    const type = (text) => { search.value = text; search.dispatchEvent(new Event("input")); };
    timed("filter by name", () => type("student 99"));
    times["students shown"] = document.querySelectorAll(".class tbody tr:not([hidden])").length;
    timed("show all", () => type(""));
    const heads = document.querySelectorAll(".class th button");
    timed("sort by score", () => heads[2].click());
    timed("sort by name", () => heads[0].click());
    done(JSON.stringify(times));
  };
  if (document.readyState === "complete") painted(); else addEventListener("load", painted);
})"""


def measure(count: int, rounds: int, chromium: str) -> dict[str, object]:
    """All figures for a class of ``count``."""
    results = make_class(count)
    texts = {r.student.key: r.record.submission.text for r in results if r.record}
    began = time.perf_counter()
    kept = Features(given_code("conv1d"))
    found = {key: kept.of(text) for key, text in texts.items()}
    read = time.perf_counter() - began
    began = time.perf_counter()
    compare(found)
    compared = time.perf_counter() - began
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        first, again, one_more = _written(Path(folder) / "run", results)
        index = Path(folder) / "run" / "index.html"
        size = index.stat().st_size
        with Browser(chromium, Path(folder) / "profile") as browser:
            times = [json.loads(str(browser.evaluate(index, PROBE))) for _ in range(rounds)]
    return {
        "students": count,
        "write everything, s": round(first, 2),
        "write again, nothing changed, s": round(again, 2),
        "write again, one changed, s": round(one_more, 2),
        "similarity: read the texts, s": round(read, 2),
        "similarity: compare, s": round(compared, 2),
        "index.html, bytes": size,
        "in Chromium, median ms": {
            name: round(statistics.median(each[name] for each in times), 1) for name in times[0]
        },
    }


def _written(folder: Path, results: list[StudentResult]) -> tuple[float, float, float]:
    """Seconds to write everything, again without a change, and again with one other mark."""
    seconds = []
    changed = [*results]
    place = next(n for n, r in enumerate(results) if r.record and r.record.verdict == "pass")
    changed[place] = msgspec.structs.replace(results[place], attempts=9)
    for each in (results, results, changed):
        began = time.perf_counter()
        write_all(folder, INFO, each)
        seconds.append(time.perf_counter() - began)
    return seconds[0], seconds[1], seconds[2]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "google-chrome")
    options = parser.parse_args()
    made = [measure(count, options.rounds, options.chromium) for count in options.students]
    RESULTS.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
