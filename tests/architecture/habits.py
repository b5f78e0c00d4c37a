#!/usr/bin/env python3
"""Habits that the sources keep, and the lists of exceptions in exceptions/, which can only shrink.

  habits.py                  prints what breaks a habit
  habits.py --prune          removes and lowers exceptions that are needed no more
  habits.py --accept REASON  makes an exception of all that breaks a habit today

A line of a list is `what: number - reason`. The words are those of the glossary in STYLE.md.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import cpp_functions
import rooms

MAX_FUNCTION_LINES = 70
MAX_PARAMETERS = 5
MAX_FILE_LINES = 400

CODE = {".h", ".cpp", ".c"}
TEXT = CODE | {".py", ".md", ".yaml", ".yml", ".txt", ".cmake"}
FOLDERS = ["src", "tests", "bench", "bpf", "scripts", "docs", "conf"]
# Frames and corpora; the glossary itself and its exceptions; what a program has printed.
NOT_OURS = ("tests/data/", "tests/fuzz/corpus/", "tests/fuzz/regressions/",
            "tests/architecture/exceptions/", "STYLE.md", "bench/results/")


@dataclasses.dataclass
class Finding:
    what: str      # key in the list of exceptions
    number: int    # how far it breaks the habit
    message: str   # for a reader, without an exception


def our_files(root, suffixes, folders=None):
    paths = [path for folder in folders or FOLDERS for path in sorted((root / folder).rglob("*"))]
    paths += [] if folders else sorted(root.glob("*.md"))
    for path in paths:
        name = path.relative_to(root).as_posix()
        is_script = path.suffix == "" and path.parent == root / "scripts"
        if path.is_file() and (path.suffix in suffixes or (is_script and ".py" in suffixes)):
            if not name.startswith(NOT_OURS):
                yield name, path


def functions(root):
    for name, path in our_files(root, CODE):
        for function in cpp_functions.functions(path.read_text()):
            yield name, function


def function_lines(root):
    return [Finding(f"{name} {function.full_name}", function.lines,
                    f"{name}:{function.first_line}: {function.full_name} has {function.lines} lines, "
                    f"{MAX_FUNCTION_LINES} at most")
            for name, function in functions(root) if function.lines > MAX_FUNCTION_LINES]


def parameters(root):
    return [Finding(f"{name} {function.full_name}", len(function.parameters),
                    f"{name}:{function.first_line}: {function.full_name} has "
                    f"{len(function.parameters)} parameters, {MAX_PARAMETERS} at most")
            for name, function in functions(root) if len(function.parameters) > MAX_PARAMETERS]


def file_lines(root):
    found = []
    for name, path in our_files(root, CODE | {".py"}):
        lines = len(path.read_text().splitlines())
        if lines > MAX_FILE_LINES:
            found.append(Finding(name, lines, f"{name}: has {lines} lines, {MAX_FILE_LINES} at most"))
    return found


def glossary(root):
    """(word to avoid, word to use) of the table in STYLE.md under `Words that a test refuses`."""
    page = (root / "STYLE.md").read_text()
    section = page.partition("## Words that a test refuses\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 and not set(cells[0]) <= set("-") and cells[0]:
            for word in re.findall(r"`([^`]+)`", cells[0]):
                yield word, cells[1]


def words(root):
    pairs = list(glossary(root))
    # The words of a phrase may stand on two lines of a comment.
    patterns = [re.escape(word).replace(r"\ ", r"(?:\s|//|#)+").replace(r"\*", r"[A-Z0-9]\w*")
                for word, _ in pairs]
    pattern = re.compile("|".join(f"\\b({text})(?!\\w)" for text in patterns))
    folded = re.compile("|".join(f"\\b({text})(?!\\w)" for text in patterns), re.IGNORECASE)
    found = []
    for name, path in our_files(root, TEXT):
        text = path.read_text()
        hits = []
        for match in folded.finditer(text):
            word, better = pairs[match.lastindex - 1]
            if "*" in word and not pattern.match(text, match.start()):
                continue
            hits.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: "
                        f"`{' '.join(match.group().split())}`: {better}")
        if hits:
            found.append(Finding(name, len(hits), "\n".join(hits)))
    return found


def is_first_include(path, source):
    """The header's own .cpp includes it before anything else, so that the build compiles it alone."""
    own = path.with_suffix(".cpp")
    return own.exists() and next(rooms.includes_of(own), (0, ""))[1] == str(path.relative_to(source))


def headers(root):
    """Headers of src/ that do not compile alone."""
    source = root / "src"
    launcher = ["ccache"] if shutil.which("ccache") else []
    compiler = launcher + [os.environ.get("CXX", "c++"), "-std=c++20", "-w", f"-I{source}", "-c"]

    def compile_alone(path, folder):
        name = path.relative_to(source).as_posix()
        output = pathlib.Path(folder) / (name.replace("/", "_") + ".o")
        done = subprocess.run(compiler + ["-x", "c++", path, "-o", output], capture_output=True,
                              text=True, check=False)
        if done.returncode == 0:
            return None
        first = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr)
        return Finding(f"src/{name}", 1, f"src/{name}: does not compile alone: {first}")

    alone = [path for path in sorted(source.rglob("*.h")) if not is_first_include(path, source)]
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda path: compile_alone(path, folder), alone))
    return [finding for finding in results if finding]


HABITS = {"function_lines": function_lines, "parameters": parameters, "file_lines": file_lines,
          "words": words, "headers": headers}


class Exceptions:
    """A list of exceptions: for each `what` a number and a reason."""

    def __init__(self, path):
        self.path = path
        self.entries = {}
        self.mistakes = []
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = re.fullmatch(r"(.+): (\d+) - *(.*)", line)
            if not parts:
                self.mistakes.append(f"{path.name}:{number}: is not `what: number - reason`")
            elif not parts.group(3):
                self.mistakes.append(f"{path.name}:{number}: {parts.group(1)} has no reason")
            else:
                self.entries[parts.group(1)] = (int(parts.group(2)), parts.group(3))

    def write(self):
        lines = [f"{what}: {number} - {reason}\n"
                 for what, (number, reason) in sorted(self.entries.items())]
        self.path.write_text("".join(lines))


def worst(findings):
    """One finding for each `what`, that with the highest number: overloads share a name."""
    found = {}
    for finding in findings:
        if finding.what not in found or finding.number > found[finding.what].number:
            found[finding.what] = finding
    return found


def mistakes(findings, exceptions):
    found = worst(findings)
    wrong = list(exceptions.mistakes)
    for what, finding in found.items():
        number, _ = exceptions.entries.get(what, (0, ""))
        if finding.number > number:
            more = f" (the exception is for {number})" if number else ""
            wrong.append(finding.message + more)
    for what, (number, _) in exceptions.entries.items():
        now = found[what].number if what in found else 0
        if now == 0:
            wrong.append(f"{exceptions.path.name}: {what} needs no exception any more: remove it "
                         "(habits.py --prune)")
        elif now < number:
            wrong.append(f"{exceptions.path.name}: {what} is {now} now, not {number}: lower it "
                         "(habits.py --prune)")
    return wrong


def prune(findings, exceptions):
    found = worst(findings)
    exceptions.entries = {what: (min(number, found[what].number), reason)
                          for what, (number, reason) in exceptions.entries.items() if what in found}
    exceptions.write()


def accept(findings, exceptions, reason):
    for what, finding in worst(findings).items():
        number, old_reason = exceptions.entries.get(what, (0, reason))
        exceptions.entries[what] = (max(number, finding.number), old_reason)
    exceptions.write()


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    arguments = sys.argv[1:]
    if arguments not in ([], ["--prune"]) and (len(arguments) != 2 or arguments[0] != "--accept"):
        sys.exit(__doc__)
    failed = False
    for name, habit in HABITS.items():
        exceptions = Exceptions(root / f"tests/architecture/exceptions/{name}.txt")
        findings = habit(root)
        if arguments == ["--prune"]:
            prune(findings, exceptions)
        elif arguments:
            accept(findings, exceptions, arguments[1])
        for mistake in mistakes(findings, exceptions):
            print(mistake)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
