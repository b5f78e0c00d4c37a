#!/usr/bin/env python3
"""The whole program on a veth pair: every frame that was sent is accounted for."""

import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from lab import Lab, total, wait_for  # noqa: E402

REPORTS = int(os.environ.get("HOPSCOPE_TEST_REPORTS", 10_000_000))


def accounted(metrics):
    """Frames of this collector, by what became of them."""
    dropped = total(metrics, "hopscope_frames_dropped_total")
    handoff = total(metrics, "hopscope_queue_dropped_total", queue="handoff")
    return total(metrics, "hopscope_frames_decoded_total") + dropped + handoff


def lost_in_socket(metrics):
    """In copy mode a miss of the fill ring is counted in rx_dropped as well; not added again."""
    return (total(metrics, "hopscope_xsk_rx_dropped_total")
            + total(metrics, "hopscope_xsk_rx_ring_full_total"))


class VethTest(unittest.TestCase):
    def assert_identity(self, sent, metrics, lab, before):
        received = total(metrics, "hopscope_frames_received_total")
        redirected = total(metrics, "hopscope_xdp_verdicts_total", verdict="redirected")
        self.assertEqual(received, accounted(metrics))
        self.assertEqual(redirected, received + lost_in_socket(metrics))
        # What the veth pair itself had no room for never reached the XDP program.
        in_driver = lab.interface_counter("rx_dropped") - before
        self.assertEqual(sent, redirected + in_driver)

    def test_every_frame_is_accounted_for_without_loss_and_far_beyond(self):
        with Lab() as lab:
            collector = lab.collector(lab.config(receive={"frames": 16384}))
            before = lab.interface_counter("rx_dropped")
            sent = lab.generate("--count", REPORTS, "--rate", 1_000_000, "--flows", 1000,
                                "--hops", 3, "--malformed", 0.001)["frames"]
            self.assertEqual(sent, REPORTS)
            metrics = collector.settled_metrics()
            self.assert_identity(sent, metrics, lab, before)
            print(f"paced: {sent} sent, {accounted(metrics):.0f} processed, "
                  f"{lost_in_socket(metrics):.0f} lost in the socket")

            flood = lab.generate("--count", REPORTS, "--rate", 0, "--flows", 1000, "--hops", 3)
            sent += flood["frames"]
            metrics = collector.settled_metrics()
            self.assert_identity(sent, metrics, lab, before)
            print(f"flood: {flood['frames']} sent, {lost_in_socket(metrics):.0f} lost in the socket")
            self.assertEqual(collector.terminate()[0], 0)

    def test_sigterm_drains_and_detaches_and_kill_leaves_nothing(self):
        with Lab() as lab:
            config = lab.config()
            collector = lab.collector(config)
            self.assertTrue(lab.xdp_attached())
            lab.generate("--count", 20_000, "--rate", 100_000)
            status, seconds = collector.terminate()
            self.assertEqual(status, 0, collector.output())
            print(f"SIGTERM to exit: {seconds:.2f} s")
            self.assertFalse(lab.xdp_attached())

            killed = lab.collector(config)
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
            wait_for("the kernel to detach the program", lambda: not lab.xdp_attached())
            again = lab.collector(config)
            sent = lab.generate("--count", 20_000, "--rate", 100_000)["frames"]
            self.assertEqual(accounted(again.settled_metrics()), sent)
            self.assertEqual(again.terminate()[0], 0)

    def test_a_second_collector_is_told_who_is_there(self):
        with Lab() as lab:
            first = lab.collector(lab.config())
            with self.assertRaises(RuntimeError) as second:
                lab.collector(lab.config())
            self.assertIn("XDP", str(second.exception))
            self.assertIsNone(first.process.poll())

    def test_the_interface_goes_away(self):
        with Lab() as lab:
            collector = lab.collector(lab.config())
            lab.generate("--count", 1_000, "--rate", 100_000)
            from lab import run
            run("ip", "link", "del", lab.collector_end)
            wait_for("the collector to notice", lambda: lab.collector_end in collector.output()
                     and "gone" in collector.output())
            self.assertIsNone(collector.process.poll(), "never a crash")
            self.assertEqual(collector.terminate()[0], 0)

    def test_two_queues_two_workers(self):
        with Lab(queues=2) as lab:
            collector = lab.collector(lab.config())
            before = lab.interface_counter("rx_dropped")
            sent = 0
            for cpu in range(min(2, os.cpu_count())):
                sent += lab.generate("--count", 200_000, "--rate", 200_000, "--flows", 500,
                                     "--cpu", cpu)["frames"]
            metrics = collector.settled_metrics()
            self.assert_identity(sent, metrics, lab, before)
            flows = (total(metrics, "hopscope_table_entries", table="flow_ipv4")
                     + total(metrics, "hopscope_table_entries", table="flow_ipv6"))
            self.assertEqual(flows, 500, "each flow has one owner")
            self.assertEqual(collector.terminate()[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
