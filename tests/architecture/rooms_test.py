#!/usr/bin/env python3
"""The arrows of src/rooms.txt against every #include line, on this tree and on made-up ones."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import rooms

ROOT = pathlib.Path(__file__).resolve().parents[2]

TABLE = "# A comment.\nbase:\n\nio: base\npipeline/decode: base\nmain: io pipeline/decode\n"
FILES = {
    "base/counter.h": "#pragma once\n#include <cstdint>\n",
    "base/README.md": "",
    "io/source.h": '#include "base/counter.h"\n',
    "io/README.md": "",
    "pipeline/README.md": "",
    "pipeline/decode/decoder.h": '#include "base/counter.h"\n#include "pipeline/decode/ip.h"\n',
    "pipeline/decode/ip.h": "",
    "pipeline/decode/README.md": "",
    "main.cpp": '#include "io/source.h"\n#include <pipeline/decode/decoder.h>\n#include "made.h"\n',
}


class MadeUpTree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = pathlib.Path(folder.name) / "src"
        for name, text in FILES.items():
            self.write(name, text)
        self.write("rooms.txt", TABLE)

    def write(self, name, text):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def table(self, old, new):
        self.assertIn(old, TABLE)
        self.write("rooms.txt", TABLE.replace(old, new))

    def expect(self, *mistakes):
        self.assertEqual(rooms.mistakes(self.source), list(mistakes))

    def test_tree_that_keeps_its_table_is_accepted(self):
        self.expect()

    def test_include_of_a_room_not_allowed_is_named_with_its_line(self):
        self.write("io/source.h", '#include "base/counter.h"\n\n#include "pipeline/decode/ip.h"\n')
        self.expect("src/io/source.h:3 includes pipeline/decode/ip.h: io may include: base")

    def test_include_in_angle_brackets_is_an_include(self):
        self.write("base/counter.h", "  #  include <io/source.h>\n")
        self.expect("src/base/counter.h:1 includes io/source.h: base may include: no other room")

    def test_folder_of_code_not_in_the_table_is_refused(self):
        self.write("export/http/server.cpp", "")
        self.write("export/README.md", "")
        self.write("export/http/README.md", "")
        self.expect("src/export/http: holds code and is not listed in rooms.txt")

    def test_room_without_readme_is_refused(self):
        (self.source / "pipeline/decode/README.md").unlink()
        self.expect("src/pipeline/decode: has no README.md")

    def test_wing_without_readme_is_refused(self):
        (self.source / "pipeline/README.md").unlink()
        self.expect("src/pipeline: has no README.md")

    def test_arrow_that_nobody_uses_is_refused(self):
        self.table("pipeline/decode: base\n", "pipeline/decode: base io\n")
        self.expect("rooms.txt:5: pipeline/decode includes nothing of io: remove it from the line")

    def test_cycle_is_refused_with_its_way(self):
        self.write("base/counter.h", '#include "io/source.h"\n')
        self.table("base:\n", "base: io\n")
        self.expect("rooms.txt:2: base may include io, which is listed after it: the lowest room is "
                    "first", "rooms.txt:2: the rooms go in a circle: base -> io -> base")

    def test_listed_room_without_code_is_refused(self):
        self.table("io: base\n", "io: base\nquery: base\n")
        self.expect("rooms.txt:5: query holds no code",
                    "rooms.txt:5: query includes nothing of base: remove it from the line")

    def test_arrow_to_no_room_is_refused(self):
        self.table("io: base\n", "io: base bsae\n")
        self.expect("rooms.txt:4: io lists bsae, which is no room")

    def test_room_listed_twice_is_refused(self):
        self.table("io: base\n", "io: base\nio: base\n")
        self.expect("rooms.txt:5: io is listed twice")

    def test_line_without_colon_is_refused(self):
        self.table("\nio:", "\nwhat is this\nio:")
        self.expect("rooms.txt:4: is not of the form `room: rooms that it may include`")

    def test_picture_leaves_out_arrows_that_a_longer_way_implies(self):
        self.table("main: io pipeline/decode\n", "main: base io pipeline/decode\n")
        table = rooms.Table(self.source / "rooms.txt")
        self.assertEqual(table.direct("main"), ["io", "pipeline/decode"])
        self.assertEqual([table.level(room) for room in table.rooms], [1, 2, 2, 3])


class ThisTree(unittest.TestCase):
    def test_rooms_keep_the_table(self):
        mistakes = rooms.mistakes(ROOT / "src")
        self.assertFalse(mistakes, "\n" + "\n".join(mistakes))

    def test_picture_in_architecture_is_that_of_the_table(self):
        check = subprocess.run([sys.executable, ROOT / "scripts/rooms", "--check"],
                               capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)


if __name__ == "__main__":
    unittest.main()
