#!/usr/bin/env python3
"""scripts/demo, the first thing that anybody runs: with AF_XDP, and as it is without privileges."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from lab import HOPSCOPE, free_port, run  # noqa: E402


def demo(**environment):
    return subprocess.run(["scripts/demo"], capture_output=True, text=True, timeout=240,
                          env={**os.environ, "DEMO_SECONDS": "4", "DEMO_PROGRAM": HOPSCOPE,
                               "DEMO_HTTP_PORT": str(free_port()), **environment})


class DemoTest(unittest.TestCase):
    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_live_numbers_and_nothing_left_behind(self):
        done = demo()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        if "replaying a generated capture" in done.stdout:
            self.skipTest(done.stdout.splitlines()[0])
        self.assertRegex(done.stdout, r"http://127.0.0.1:\d+/metrics")
        rows = re.findall(r"^ +(\d+) +(\d+) +(\d+)", done.stdout, re.MULTILINE)
        self.assertGreaterEqual(len(rows), 3)
        received = [int(row[1]) for row in rows]
        self.assertEqual(received, sorted(received))
        self.assertGreater(received[-1], 0)
        self.assertIn("int_flow_latency_seconds{", done.stdout)
        self.assertIn('"kind":"', done.stdout)
        interface = re.search(r"reports a second .* -> (\w+)", done.stdout)[1]
        self.assertNotIn(interface, run("ip", "-o", "link").stdout)
        self.assertNotIn(interface[:-1], run("ip", "netns").stdout.split())

    def test_without_privileges_it_says_so_and_replays(self):
        done = demo(DEMO_REPLAY="1")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("replaying a generated capture instead", done.stdout)
        self.assertRegex(done.stdout, r"frames +200000, of which \d+ decoded")
        self.assertIn("int_flow_latency_seconds{", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
