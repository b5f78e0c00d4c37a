"""Finds the functions of a C++ file: name, class, lines, parameters, body. No compiler: comments,
literals and preprocessor lines are blanked, then braces are followed. Good enough for code that
clang-format has laid out; what it cannot read it leaves out.
"""

import dataclasses
import functools
import re

LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"\((?:.*?)\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
LABELS = re.compile(r"\s*(?:(?:public|private|protected)\s*:\s*)*")
NO_NAMES = {"alignas", "decltype", "noexcept", "requires", "explicit", "throw", "if", "for", "while",
            "switch", "catch", "return", "sizeof", "__attribute__", "static_assert", "void"}
NAME = re.compile(r"((?:[A-Za-z_]\w*(?:<[^<>()]*>)?::)*(?:~?[A-Za-z_]\w*|operator\s*(?:\(\)|[^\s(]+|\s\w+)))"
                  r"\s*$")


@dataclasses.dataclass
class Function:
    name: str        # the last part: run_once
    scope: str       # of the class, where there is one: Worker
    first_line: int  # where its declaration begins
    last_line: int
    parameters: list
    body: str        # with blanked comments and literals

    @property
    def lines(self):
        return self.last_line - self.first_line + 1

    @property
    def full_name(self):
        return f"{self.scope}::{self.name}" if self.scope else self.name


def blank(text):
    """The text without comments, literals and preprocessor lines; every other character stays."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())

    def literal(match):
        found = match.group()
        return spaces(match) if found[0] == "/" else '"' + re.sub(r"[^\n]", " ", found)[1:-1] + '"'

    return PREPROCESSOR.sub(spaces, LITERAL.sub(literal, text))


def matching(text, at, pair="{}"):
    """Where the bracket that opens at `at` is closed."""
    depth = 0
    for place in range(at, len(text)):
        if text[place] == pair[0]:
            depth += 1
        elif text[place] == pair[1]:
            depth -= 1
            if depth == 0:
                return place
    return len(text)


def split_parameters(text):
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "(<[{":
            depth += 1
        elif character in ")>]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip() not in ("", "void")]


def without_prefix(head):
    """A declaration without attributes, `template <...>` and access labels in front of it."""
    head = re.sub(r"\[\[.*?\]\]", lambda found: " " * len(found.group()), head, flags=re.DOTALL)
    while True:
        found = re.match(r"\s*(template\s*<|(?:public|private|protected)\s*:)", head)
        if not found:
            return head
        end = found.end()
        if found.group(1).startswith("template"):
            end = matching(head, found.end() - 1, "<>") + 1
        head = " " * end + head[end:]


def parameter_list(head):
    """(name, parameters, end) of the parameters of a function's head, or None."""
    place = 0
    while True:
        place = head.find("(", place)
        if place < 0:
            return None
        end = matching(head, place, "()")
        found = NAME.search(head[:place])
        name = re.sub(r"\s+", " ", found.group(1)) if found else ""
        if head[:place].rstrip().endswith("operator"):  # operator() (...)
            place = end + 1
            continue
        if name and name.split("::")[-1] not in NO_NAMES and "=" not in re.sub(
                r"operator\s*[^\s(]+|<=|>=|==|!=", "", head[:place]):
            return name, split_parameters(head[place + 1:end]), end
        place = end + 1


@functools.lru_cache(maxsize=None)
def functions(text):
    """All functions with a body, in the order of the file. Lambdas belong to their function."""
    code = blank(text)
    found = []

    def line_of(place):
        return code.count("\n", 0, place) + 1

    def walk(start, end, scope):
        begin = place = start
        while place < end:
            character = code[place]
            if character == ";":
                begin = place + 1
            elif character == "(":
                place = matching(code, place, "()")
            elif character == "{":
                close = matching(code, place)
                head = without_prefix(code[begin:place])
                kind = re.match(r'\s*(?:inline\s+)?((?:namespace|class|struct|union|enum)\b|extern\s*")', head)
                if kind and kind.group(1).startswith(("namespace", "extern")) and "(" not in head:
                    walk(place + 1, close, scope)
                    begin = close + 1
                elif kind and not re.search(r"\w\s*\(", re.sub(r"alignas\s*\(.*?\)", "", head)):
                    name = re.search(r"(\w+)\s*(?:final\s*)?(?::[^:].*)?$", head.split("{")[0], re.DOTALL)
                    if kind.group(1) != "enum":
                        walk(place + 1, close, name.group(1) if name else scope)
                    begin = close + 1
                else:
                    signature = parameter_list(head)
                    rest = head[signature[2] + 1:] if signature else ""
                    if signature and re.search(r"(?<!:):(?!:)", rest) and re.search(r"[\w>]\s*$", rest):
                        place = close  # a member that is initialised in braces
                    elif signature:
                        parts = re.sub(r"<[^<>]*>", "", signature[0]).split("::")
                        first = begin + LABELS.match(code[begin:place]).end()
                        found.append(Function(parts[-1], parts[-2] if len(parts) > 1 else scope,
                                              line_of(first), line_of(close), signature[1],
                                              code[place:close + 1]))
                        begin = close + 1
                    # else: a variable that is initialised in braces
                place = close
            elif character == "}":
                begin = place + 1
            place += 1

    walk(0, len(code), "")
    return found
