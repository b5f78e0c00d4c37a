#!/usr/bin/env python3
"""Habits of the sources, on this tree with its exceptions and on made-up ones without."""

import pathlib
import tempfile
import unittest

import cpp_functions
import habits

ROOT = pathlib.Path(__file__).resolve().parents[2]

GLOSSARY = ("## Words that a test refuses\n| avoid | use |\n|---|---|\n"
            "| `frobs`, `all the frobs` | works |\n| `kOld*` | `kNew*` |\n\n## More\n| `fine` | no |\n")


class MadeUpTree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("STYLE.md", GLOSSARY)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def mistakes(self, habit, exceptions=""):
        path = self.write("exceptions.list", exceptions)
        return habits.mistakes(habits.HABITS[habit](self.root), habits.Exceptions(path))


class FunctionLines(MadeUpTree):
    def function(self, lines):
        self.write("src/base/a.cpp", "// One.\nnamespace n {\nvoid A::run(int x) {\n" +
                   "  ++x;\n" * (lines - 2) + "}\n}\n")

    def test_function_at_the_limit_is_accepted(self):
        self.function(70)
        self.assertEqual(self.mistakes("function_lines"), [])

    def test_function_beyond_the_limit_is_named(self):
        self.function(71)
        self.assertEqual(self.mistakes("function_lines"),
                         ["src/base/a.cpp:3: A::run has 71 lines, 70 at most"])

    def test_exception_holds_until_the_function_grows(self):
        self.function(75)
        exception = "src/base/a.cpp A::run: 75 - not yet split\n"
        self.assertEqual(self.mistakes("function_lines", exception), [])
        self.function(76)
        self.assertEqual(self.mistakes("function_lines", exception),
                         ["src/base/a.cpp:3: A::run has 76 lines, 70 at most "
                          "(the exception is for 75)"])

    def test_exception_that_is_too_large_must_be_lowered(self):
        self.function(72)
        self.assertEqual(self.mistakes("function_lines", "src/base/a.cpp A::run: 75 - why\n"),
                         ["exceptions.list: src/base/a.cpp A::run is 72 now, not 75: lower it "
                          "(habits.py --prune)"])

    def test_exception_no_longer_needed_must_be_removed(self):
        self.function(12)
        self.assertEqual(self.mistakes("function_lines", "src/base/a.cpp A::run: 75 - why\n"),
                         ["exceptions.list: src/base/a.cpp A::run needs no exception any more: "
                          "remove it (habits.py --prune)"])

    def test_exception_without_reason_is_refused(self):
        self.function(75)
        self.assertEqual(self.mistakes("function_lines", "src/base/a.cpp A::run: 75 - \n")[0],
                         "exceptions.list:1: src/base/a.cpp A::run has no reason")

    def test_prune_lowers_and_removes(self):
        self.function(72)
        path = self.write("exceptions.list", "src/base/a.cpp A::run: 75 - why\nsrc/b.h x: 80 - old\n")
        habits.prune(habits.function_lines(self.root), habits.Exceptions(path))
        self.assertEqual(path.read_text(), "src/base/a.cpp A::run: 72 - why\n")


class OtherHabits(MadeUpTree):
    def test_sixth_parameter_is_refused(self):
        self.write("src/a.h", "inline int f(int a, int b, map<int, int> c, int d, int e) {}\n"
                              "struct S {\n  S(int a, int b, int c, int d, int e,\n    int f) : a_{a} {}\n};\n")
        self.assertEqual(self.mistakes("parameters"),
                         ["src/a.h:3: S::S has 6 parameters, 5 at most"])

    def test_file_of_401_lines_is_refused(self):
        self.write("src/a.h", "\n" * 401)
        self.write("src/b.h", "\n" * 400)
        self.assertEqual(self.mistakes("file_lines"), ["src/a.h: has 401 lines, 400 at most"])

    def test_word_of_the_glossary_is_refused_with_its_line(self):
        self.write("src/a.h", "// Fine.\n// It Frobs, frobsy.\nint kOldest, kold, kOldThing;\n")
        self.assertEqual(self.mistakes("words"), ["src/a.h:2: `Frobs`: works\n"
                                                  "src/a.h:3: `kOldThing`: `kNew*`"])

    def test_phrase_over_two_lines_of_a_comment_is_refused(self):
        self.write("docs/a.md", "all\nthe frobs\n")
        self.write("src/a.h", "// Of all the\n// frobs.\n")
        self.assertEqual(self.mistakes("words", "docs/a.md: 1 - old\n"),
                         ["src/a.h:1: `all the // frobs`: works"])

    def test_header_that_does_not_compile_alone_is_refused(self):
        self.write("src/base/a.h", "#pragma once\ninline std::string text() { return {}; }\n")
        self.write("src/base/b.h", "#pragma once\n#include <cstddef>\nstd::size_t size();\n")
        mistakes = self.mistakes("headers")
        self.assertEqual(len(mistakes), 1)
        self.assertRegex(mistakes[0], r"src/base/a.h: does not compile alone: .*error:")

    def test_header_that_its_own_cpp_includes_first_is_left_to_the_build(self):
        self.write("src/base/a.h", "not c++\n")
        self.write("src/base/a.cpp", '// A.\n#include "base/a.h"\n#include <string>\n')
        self.assertEqual(self.mistakes("headers"), [])


class CppFunctions(unittest.TestCase):
    def names(self, text):
        return [(function.full_name, function.first_line, function.last_line,
                 len(function.parameters)) for function in cpp_functions.functions(text)]

    def test_forms_of_functions_are_found(self):
        self.assertEqual(self.names(
            '#define F(x) \\\n  {}\nnamespace a {\nclass B : public C {\n public:\n'
            '  B(int x) noexcept : x_{x}, y_(1) {\n  }\n  ~B() { f("}{"); }\n'
            '  [[nodiscard]] bool operator==(const B& b) const { return x_ == b.x_; }\n'
            '  std::array<int, 2> z_{1, 2};\n  std::function<void(int)> w_{};\n};\n'
            "template <typename T, int N = 3>\nauto B::g(T t, int n) const -> int {\n  if (n) { }\n"
            "  auto l = [](int) { return '{'; };\n}\nenum class E { kA };\nconst int k[] = {1, 2};\n}\n"),
            [("B::B", 6, 7, 1), ("B::~B", 8, 8, 0), ("B::operator==", 9, 9, 1), ("B::g", 13, 17, 2)])


class ThisTree(unittest.TestCase):
    def check(self, habit):
        path = ROOT / f"tests/architecture/exceptions/{habit}.txt"
        mistakes = habits.mistakes(habits.HABITS[habit](ROOT), habits.Exceptions(path))
        self.assertFalse(mistakes, "\n" + "\n".join(mistakes))

    def test_functions_are_short(self):
        self.check("function_lines")

    def test_functions_have_few_parameters(self):
        self.check("parameters")

    def test_files_are_short(self):
        self.check("file_lines")

    def test_words_of_the_glossary_are_avoided(self):
        self.check("words")

    def test_headers_compile_alone(self):
        self.check("headers")


if __name__ == "__main__":
    unittest.main()
