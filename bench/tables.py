"""The tables that bench/run prints of benchmarks on one machine. Each figure is a median of several
runs, with the least and the most of them: the difference is the noise of the machine."""

import json
import re
import statistics
import subprocess
import sys

PARTS = ("stages", "pipeline", "formats", "maps", "decode")
FILTERS = {
    "stages": "^stages/",
    "pipeline": "^(whole_pipeline(?!.*format:)|new_flows)",
    "formats": "^whole_pipeline/hops:6/.*flows:(1000|100000)/",
    "maps": "^(maps|whole_pipeline/hops:(6/fields:9|3/fields:4)/flows:[0-9]*/iterations)",
    "decode": "^decode_only/",
}


def table(head):
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def cells_of(values, digits=1):
    return [f"{one:.{digits}f}" for one in (statistics.median(values), min(values), max(values))]


def given(name):
    """{"what": ..., "hops": "6", ...} of whole_pipeline/hops:6/..."""
    what, *parts = name.split("/")
    return {"what": what, **dict(part.split(":", 1) for part in parts if ":" in part)}


def names_of(program, wanted):
    # Google Benchmark's own filter knows no look-ahead.
    listed = subprocess.run([program, "--benchmark_list_tests"], check=True, text=True,
                            capture_output=True).stdout.split()
    return [name for name in listed if re.search(wanted, name)]


def measure(program, names, repetitions):
    """Runs the cases in turns; {name: ([ns per report], counters of the last run)}."""
    measured = {name: ([], {}) for name in names}
    for _ in range(repetitions):
        for name in names:
            ran = subprocess.run([program, f"--benchmark_filter=^{re.escape(name)}$",
                                  "--benchmark_format=json"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True, check=True)
            (one,) = json.loads(ran.stdout)["benchmarks"]
            if one.get("error_occurred"):
                sys.exit(f"{name}: {one['error_message']}")
            measured[name][0].append(1e9 / one["items_per_second"])
            measured[name][1].update(one)
    return measured


def stages(measured):
    table(["stage, each with those before it", "flows", "ns per report: median", "least", "most",
           "this stage alone"])
    before = {}
    for name, (values, _) in sorted(measured.items(), key=lambda item: int(given(item[0])["flows"])):
        case = given(name)
        here = statistics.median(values)
        row(case["upto"], case["flows"], *cells_of(values),
            f"{here - before.get(case['flows'], 0):.1f}")
        before[case["flows"]] = here


def pipeline(measured):
    table(["case", "hops", "words a hop", "flows", "what is special", "ns per report: median",
           "least", "most", "events per report", "by the fast path"])
    for name, (values, counted) in measured.items():
        case = given(name)
        special = [f"{key} {case[key]}" for key in ("events", "choice", "frames", "set", "table")
                   if key in case]
        row(case["what"].replace("_", " "), case["hops"], case["fields"], case.get("flows", ""),
            ", ".join(special).replace("events ", "% of events: "), *cells_of(values),
            f"{counted['events']:.3f}" if "events" in counted else "",
            f"{counted['regular']:.1%}" if "regular" in counted else "")


def formats(measured):
    plain = {given(name)["flows"]: statistics.median(values)
             for name, (values, _) in measured.items() if is_plain(name)}
    table(["format", "words a hop", "flows", "ns per report: median", "least", "most",
           "times the plain one", "by the fast path"])
    for name, (values, counted) in measured.items():
        case = given(name)
        if "format" not in case and not is_plain(name):
            continue
        row(case.get("format", "plain"), case["fields"], case["flows"], *cells_of(values),
            f"{statistics.median(values) / plain[case['flows']]:.2f}", f"{counted['regular']:.1%}")


def is_plain(name):
    return re.match(r"whole_pipeline/hops:\d+/fields:\d+/flows:\d+/iterations", name) is not None


def maps(measured):
    ours = {(case["hops"], case["flows"]): statistics.median(values)
            for name, (values, _) in measured.items() for case in [given(name)] if is_plain(name)}
    table(["tables", "hops", "words a hop", "flows", "ns per report: median", "least", "most",
           "times the pipeline"])
    for name, (values, _) in measured.items():
        case = given(name)
        key = (case["hops"], case["flows"])
        if key not in ours:
            continue
        row(case.get("of", "the pipeline's own"), case["hops"], case["fields"], case["flows"],
            *cells_of(values), f"{statistics.median(values) / ours[key]:.1f}")


def decode(measured):
    versions = {"8": "0.5", "9": "1.0", "4": "1.0", "11": "2.0"}
    table(["report", "hops", "words a hop", "ns per report: median", "least", "most"])
    for name, (values, _) in measured.items():
        case = given(name)
        row(versions[case["fields"]], case["hops"], case["fields"], *cells_of(values))


def print_part(part, program, repetitions):
    names = names_of(program, FILTERS[part])
    if part == "maps":  # the pipeline's 10 million flows have no counterpart
        names = [name for name in names if "flows:10000000/" not in name]
    globals()[part](measure(program, names, repetitions))
    print()


def threads(program, part, repetitions):
    ran = subprocess.run([program, part, "--rounds", str(repetitions)], stdout=subprocess.PIPE,
                         text=True, check=False)
    if ran.returncode == 77:
        print("Not measured: fewer than two CPUs.\n")
        return
    if ran.returncode != 0:
        sys.exit(f"{program} {part} failed")
    measured = json.loads(ran.stdout)[part]
    scaling(measured) if part == "scaling" else scrape(measured)
    print()


def spool(program, repetitions):
    table(["records of 200 bytes", "ns per record: median", "least", "most",
           "CPU of the thread, ns", "CPU of the process, ns"])
    for name, (values, counted) in measure(program, names_of(program, ""), repetitions).items():
        row(name.removesuffix("/real_time").replace("/", ", ").replace("_", " "),
            *cells_of(values), f"{counted['thread_ns']:.0f}", f"{counted['process_ns']:.0f}")
    print()


def ratios(above, below):
    return [a / b for a, b in zip(above, below)]


def scaling(measured):
    table(["flows", "workers", "million reports/s: median", "least", "most",
           "times one worker: median", "least", "most", "found no room"])
    labels = {"one": "one", "two": "two, flows of their own",
              "two_half_foreign": "two, half of the flows the other's",
              "two_engines": "two engines of one, half of the flows each, nothing shared"}
    for case in measured:
        rates = case["rates"]
        for key, label in labels.items():
            row(case["flows"], label, *cells_of([rate / 1e6 for rate in rates[key]], 2),
                *cells_of(ratios(rates[key], rates["one"]), 2), f"{case['lost'][key]:.1%}")


def scrape(measured):
    table(["beside one worker", "flows", "rows or lines each", "ms each",
           "million reports/s alone: median", "meanwhile: median",
           "meanwhile by alone: median", "least", "most",
           "beside the same elsewhere, by alone: median"])
    labels = {"scrape": "scrapes of all series", "copy": "copies of all flow records",
              "storm": "ten scrapers over HTTP"}
    for case in measured:
        rates = case["rates"]
        row(labels[case["what"]], case["flows"], case["rows"], f"{case['ms_a_read']:.1f}",
            f"{statistics.median(rates['alone']) / 1e6:.2f}",
            f"{statistics.median(rates['read']) / 1e6:.2f}",
            *cells_of(ratios(rates["read"], rates["alone"]), 2),
            f"{statistics.median(ratios(rates['elsewhere'], rates['alone'])):.2f}")


def exposition(program, repetitions):
    """Rendering an answer to a scrape: {format}_{what}/{series asked for}."""
    names = names_of(program, "^render/")
    times = {name: [] for name in names}
    last = {}
    for _ in range(repetitions):
        for name in names:
            ran = subprocess.run([program, f"--benchmark_filter=^{re.escape(name)}$",
                                  "--benchmark_format=json"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True, check=True)
            (last[name],) = json.loads(ran.stdout)["benchmarks"]
            times[name].append(last[name]["cpu_time"])
    table(["format", "of", "series", "ms: median", "least", "most", "MB", "peak bytes held"])
    for name in names:
        kind, of = name.split("/")[1].split("_")
        row(kind, of, round(last[name]["series"]), *cells_of(times[name]),
            f"{last[name]['MB']:.1f}", round(last[name]["peak_bytes"]))
    print()
