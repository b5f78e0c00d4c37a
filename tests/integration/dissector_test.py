#!/usr/bin/env python3
"""scripts/hopscope.lua in tshark sees what `hopscope decode` sees, and never stumbles."""

import collections
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from lab import HOPSCOPE  # noqa: E402

ROOT = os.path.join(os.path.dirname(__file__), "../..")
TSHARK = shutil.which("tshark")


def pcap(frames):
    records = [struct.pack("<IIII", 1_700_000_000, i * 1000, len(f), len(f)) + f
               for i, f in enumerate(frames)]
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + b"".join(records)


@unittest.skipIf(TSHARK is None, "no tshark")
class DissectorTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def dissect(self, capture, *options):
        """Of each frame the values of every field, by name."""
        done = subprocess.run(
            [TSHARK, "-X", f"lua_script:{ROOT}/scripts/hopscope.lua", "-n", *options, "-r", capture,
             "-T", "json", "--no-duplicate-keys"],
            capture_output=True, text=True, timeout=300, env={**os.environ, "HOME": self.directory})
        self.assertEqual(done.returncode, 0, done.stderr)
        wrong = [line.strip()[:300] for line in (done.stdout + done.stderr).splitlines()
                 if "Lua Error" in line or "error loading" in line]
        self.assertEqual(wrong, [])
        frames = []

        def walk(node, into):
            for key, value in node.items():
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, dict):
                        walk(one, into)
                    else:
                        into[key].append(one)

        for frame in json.loads(done.stdout):
            values = collections.defaultdict(list)
            walk(frame["_source"]["layers"], values)
            frames.append(values)
        return frames

    def test_reports_that_the_generator_makes(self):
        for name in ("report05", "report05-local", "report05-drop", "report10", "report10-xd",
                     "report20-md", "report20-xd", "report20-mx"):
            with self.subTest(format=name):
                capture = os.path.join(self.directory, f"{name}.pcap")
                subprocess.run([HOPSCOPE, "generate", "--format", name, "--count", "60", "--hops",
                                "3", "--ipv6", "0.3", "--tcp", "0.5", "--output", capture],
                               check=True, capture_output=True, timeout=60)
                lines = [json.loads(line) for line in
                         subprocess.run([HOPSCOPE, "decode", capture], check=True, text=True,
                                        capture_output=True, timeout=60).stdout.splitlines()]
                frames = self.dissect(capture)
                self.assertEqual(len(frames), 60)
                for line, frame in zip(lines, frames):
                    numbers = frame["int_report.sequence"] + frame["int_report.sequence20"]
                    self.assertEqual([int(n) for n in numbers], [line["report"]["seq"]])
                    inner = line["report"].get("inner") or line["report"]["reports"][0]["inner"]
                    hops = inner.get("int", {}).get("hops", [])
                    self.assertEqual([int(n) for n in frame["int_md.node_id"]],
                                     [hop["node_id"] for hop in hops])
                    self.assertEqual([int(n) for n in frame["int_md.h_latency"]],
                                     [hop["hop_latency"] for hop in hops])

    def test_every_vector_and_every_cut_of_one(self):
        with open(os.path.join(ROOT, "tests/data/vectors.json")) as f:
            vectors = json.load(f)
        capture = os.path.join(self.directory, "vectors.pcap")
        frames = [bytes.fromhex(v["hex"]) for v in vectors]
        whole = next(bytes.fromhex(v["hex"]) for v in vectors
                     if v["name"] == "tr20_int21_udp_6hop_all_bits_npt1")
        frames += [whole[:n] for n in range(14, len(whole))]
        with open(capture, "wb") as f:
            f.write(pcap(frames))
        seen = self.dissect(capture)
        self.assertEqual(len(seen), len(frames))
        for vector, frame in zip(vectors, seen):
            expected = vector["expected"].get("report", {})
            deviates = "error" in vector["expected"]
            if deviates or "seq" not in expected:
                continue
            with self.subTest(vector=vector["name"]):
                numbers = frame["int_report.sequence"] + frame["int_report.sequence20"]
                self.assertEqual([int(n) for n in numbers], [expected["seq"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
