#!/usr/bin/env python3
"""The receivers of bench/veth.py: each brings every report, so that none looks fast by losing."""

import os
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
import veth  # noqa: E402
from lab import skip  # noqa: E402

REPORTS = 10_000  # fewer than the smallest of the rings holds: even a worker that sleeps loses none


class BenchReceiveTest(unittest.TestCase):
    def test_every_method_brings_every_report(self):
        for placement in ("sender", "worker"):
            for method in veth.METHODS:
                for work in ("drop", "pipeline"):
                    with (self.subTest(placement=placement, method=method, work=work),
                          veth.BenchLab() as lab,
                          veth.Receiver(lab, method, work, placement) as receiver):
                        sent = lab.generate("--count", REPORTS, "--rate", 50_000,
                                            *receiver.traffic)
                        arrived = REPORTS - sent["output"]["driver_refused"]
                        told = receiver.settled()
                        self.assertEqual(told["frames"], arrived)
                        self.assertGreater(told["cpu_ns"], 0)
                        if work == "pipeline":
                            self.assertEqual(told["decoded"], arrived)

    def test_stamped_frames_give_a_latency(self):
        with veth.BenchLab() as lab, \
                veth.Receiver(lab, idle="poll", more=["--stamps"]) as receiver:
            veth.run("ip", "netns", "exec", lab.namespace, veth.RECEIVE, "--interface",
                     lab.generator_end, "--send-stamps", "200", "--mean-gap-us", "50")
            self.assertEqual(receiver.settled()["frames"], 200)
            told = veth.json.loads(receiver.stop().splitlines()[-1])
            self.assertEqual(told["frames"], 200)
            self.assertGreater(told["median_ns"], 0)
            self.assertGreaterEqual(told["p99_ns"], told["median_ns"])


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) < 2:
        skip("needs two CPUs")
    unittest.main(verbosity=2)
