#!/usr/bin/env python3
"""The whole program on a veth pair: every frame that was sent is accounted for."""

import json
import os
import signal
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from lab import HOPSCOPE, Lab, run, total, wait_for  # noqa: E402

REPORTS = int(os.environ.get("HOPSCOPE_TEST_REPORTS", 10_000_000))
RATE = int(os.environ.get("HOPSCOPE_TEST_RATE", 1_000_000))


def accounted(metrics):
    """Frames of this collector, by what became of them."""
    dropped = total(metrics, "hopscope_frames_dropped_total")
    handoff = total(metrics, "hopscope_queue_dropped_total", queue="handoff")
    return total(metrics, "hopscope_frames_decoded_total") + dropped + handoff


def lost_in_socket(metrics):
    """In copy mode a miss of the fill ring is counted in rx_dropped as well; not added again."""
    return (total(metrics, "hopscope_xsk_rx_dropped_total")
            + total(metrics, "hopscope_xsk_rx_ring_full_total")
            + total(metrics, "hopscope_source_lost_total"))


def lengthened(report, length):
    """A frame of `length` bytes: an IPv4 report with more behind it, its lengths made right."""
    frame = bytearray(report + bytes(length - len(report)))
    struct.pack_into(">H", frame, 16, length - 14)
    struct.pack_into(">H", frame, 38, length - 34)
    struct.pack_into(">H", frame, 40, 0)
    struct.pack_into(">H", frame, 24, 0)
    words = sum(struct.unpack(">10H", frame[14:34]))
    words = (words & 0xFFFF) + (words >> 16)
    struct.pack_into(">H", frame, 24, ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF)
    return bytes(frame)


class VethTest(unittest.TestCase):
    def assert_identity(self, sent, refused, metrics):
        """Every frame that was sent is in exactly one place."""
        received = total(metrics, "hopscope_frames_received_total")
        redirected = total(metrics, "hopscope_xdp_verdicts_total", verdict="redirected")
        self.assertEqual(received, accounted(metrics))
        self.assertEqual(redirected, received + lost_in_socket(metrics))
        # Frames that are cut in their outer headers go to the kernel; what the veth pair had no
        # room for was seen by nobody.
        self.assertEqual(sent, total(metrics, "hopscope_xdp_verdicts_total") + refused)

    def test_every_frame_is_accounted_for_without_loss_and_far_beyond(self):
        with Lab() as lab:
            collector = lab.collector(lab.config(receive={"frames": 16384}))
            paced = lab.generate("--count", REPORTS, "--rate", RATE, "--flows", 1000, "--hops", 3,
                                 "--malformed", 0.001)
            self.assertEqual(paced["frames"], REPORTS)
            sent, refused = paced["frames"], paced["output"]["driver_refused"]
            metrics = collector.settled_metrics()
            self.assert_identity(sent, refused, metrics)
            print(f"paced at {RATE}/s: {sent} sent, {accounted(metrics):.0f} processed, "
                  f"{lost_in_socket(metrics) + refused:.0f} lost")

            flood = lab.generate("--count", REPORTS, "--rate", 0, "--flows", 1000, "--hops", 3)
            sent += flood["frames"]
            refused += flood["output"]["driver_refused"]
            metrics = collector.settled_metrics()
            self.assert_identity(sent, refused, metrics)
            print(f"with a flood at {flood['output']['rate']:.0f}/s: {sent} sent, "
                  f"{accounted(metrics):.0f} processed, {lost_in_socket(metrics) + refused:.0f} lost")
            self.assertEqual(collector.terminate()[0], 0)

    def test_sigterm_drains_and_detaches_and_kill_leaves_nothing(self):
        with Lab() as lab:
            config = lab.config(export={"events": {"file": lab.path("events.ndjson")}})
            collector = lab.collector(config)
            self.assertTrue(lab.xdp_attached())
            lab.generate("--count", 20_000, "--rate", 100_000)
            metrics = collector.settled_metrics()
            status, seconds = collector.terminate()
            self.assertEqual(status, 0, collector.output())
            print(f"SIGTERM to exit: {seconds:.2f} s")
            self.assertFalse(lab.xdp_attached())
            with open(lab.path("events.ndjson")) as f:
                events = [json.loads(line) for line in f]
            # Reports that the socket lost are told of once their sender falls silent: later.
            told = sum(event["kind"] != "report_loss" for event in events)
            counted = (total(metrics, "int_events_total")
                       - total(metrics, "int_events_total", kind="report_loss"))
            self.assertEqual(told, counted, "drained")

            killed = lab.collector(config)
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
            wait_for("the kernel to detach the program", lambda: not lab.xdp_attached())
            again = lab.collector(config)
            made = lab.generate("--count", 20_000, "--rate", 100_000)
            metrics = again.settled_metrics()
            self.assert_identity(made["frames"], made["output"]["driver_refused"], metrics)
            self.assertGreater(accounted(metrics), 0)
            self.assertEqual(again.terminate()[0], 0)

    def test_sigterm_under_load_with_a_client_that_holds_on(self):
        with Lab() as lab:
            collector = lab.collector(lab.config())
            host, port = collector.base.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port))):
                flood = lab.start_generate("--duration", 60, "--rate", 0)
                try:
                    wait_for("reports", lambda: total(collector.metrics(), "int_reports_total") > 0)
                    status, seconds = collector.terminate()
                finally:
                    flood.kill()
                    flood.wait()
            self.assertEqual(status, 0, collector.output())
            print(f"SIGTERM under load to exit: {seconds:.2f} s")
            self.assertFalse(lab.xdp_attached())

    def test_sighup_opens_the_event_file_anew(self):
        with Lab() as lab:
            events, rotated = lab.path("events.ndjson"), lab.path("events.1")
            collector = lab.collector(lab.config(export={"events": {"file": events}}))
            lab.generate("--count", 1000, "--rate", 100_000)
            collector.settled_metrics()
            os.rename(events, rotated)
            collector.process.send_signal(signal.SIGHUP)
            wait_for("the new file", lambda: os.path.exists(events))
            lab.generate("--count", 1000, "--rate", 100_000, "--seed", 2)
            collector.settled_metrics()
            self.assertEqual(collector.terminate()[0], 0)
            self.assertGreater(os.path.getsize(events), 0)
            self.assertGreater(os.path.getsize(rotated), 0)

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
            run("ip", "link", "del", lab.collector_end)
            wait_for("the collector to notice", lambda: lab.collector_end in collector.output()
                     and "gone" in collector.output())
            self.assertIsNone(collector.process.poll(), "never a crash")
            self.assertEqual(collector.terminate()[0], 0)

    def test_frames_that_are_no_plain_reports(self):
        """Own headers by port and by EtherType, behind MPLS, INT in data packets, off the wire."""
        with open(os.path.join(os.path.dirname(__file__), "../data/vectors.json")) as f:
            vectors = {v["name"]: bytes.fromhex(v["hex"]) for v in json.load(f)}
        report = vectors["tr10_int10_udp_1hop"]
        # A 1.0 report of an Ethernet frame: 16 bytes behind the UDP header.
        packet = report[42 + 16:]
        mpls = report[:12] + b"\x88\x47" + bytes([0, 1, 0x20, 64]) + report[14:]
        header = bytes([0, 0, 7, 1])
        udp = struct.pack(">HHHH", 1, 8192, 8 + len(header), 0xBEEF) + header
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
        by_port = bytes(12) + b"\x08\x00" + ip + udp
        by_type = bytes(12) + b"\x88\xb5" + header + bytes(42)
        fields = {"id": 24, "index": 8}
        formats = {"chain": {"udp_port": 8192, "fields": fields, "key": ["id", "index"]},
                   "plain": {"ethertype": 0x88B5, "fields": fields, "key": ["id"]}}
        frames = [report, mpls, packet, by_port, by_type]
        for mirror in (False, True):
            with self.subTest(mirror=mirror), Lab() as lab:
                collector = lab.collector(lab.config(
                    decode={"report_udp_port": 1234, "data_packets": "on" if mirror else "auto"},
                    formats=formats))
                lab.send(frames * 10)
                wanted = 50 if mirror else 40
                wait_for("the frames", lambda: total(
                    collector.metrics(), "hopscope_frames_received_total") >= wanted)
                metrics = collector.settled_metrics()
                self.assertEqual(total(metrics, "hopscope_frames_decoded_total"), wanted)
                self.assertEqual(total(metrics, "chain_reports_total"), 10)
                self.assertEqual(total(metrics, "plain_reports_total"), 10)
                self.assertEqual(total(metrics, "int_reports_total", version="1.0"), 20)
                self.assertEqual(total(metrics, "int_reports_total", version="in-band"),
                                 10 if mirror else 0)
                self.assert_identity(50, 0, metrics)
                senders = run(HOPSCOPE, "sources", "--json", "--url", collector.base).stdout
                self.assertEqual(sum(s["reports"] for s in json.loads(senders)), 20)
                self.assertIn("mpls_without_bottom", json.loads(senders)[0]["deviations"])

    def test_frames_larger_than_a_buffer(self):
        """At an MTU of 9000 they come whole, at one of 60000 the longest are counted as lost."""
        with open(os.path.join(os.path.dirname(__file__), "../data/vectors.json")) as f:
            report = next(bytes.fromhex(v["hex"]) for v in json.load(f)
                          if v["name"] == "tr10_int10_udp_1hop")
        for mtu, lengths, lost in ((9000, (200, 1792, 1793, 3585, 9014), 0),
                                   (60000, (200, 16384, 16385, 40000), 2)):
            for workers in (1, 2):
                with self.subTest(mtu=mtu, workers=workers), Lab(queues=workers) as lab:
                    lab.set_mtu(mtu)
                    collector = lab.collector(lab.config(decode={"report_udp_port": 1234}))
                    if "multi-buffer" not in collector.output():
                        self.skipTest("the kernel has no multi-buffer AF_XDP")
                    frames = [lengthened(report, length) for length in lengths]
                    lab.send(frames * 100)
                    whole = 100 * (len(frames) - lost)
                    wait_for("the frames", lambda: total(
                        collector.metrics(), "hopscope_frames_decoded_total") >= whole)
                    metrics = collector.settled_metrics()
                    self.assert_identity(100 * len(frames), 0, metrics)
                    self.assertEqual(total(metrics, "hopscope_frames_decoded_total"), whole)
                    self.assertEqual(total(metrics, "hopscope_multi_buffer_lost_total",
                                           reason="too_long"), 100 * lost)
                    several = sum(length > 1792 for length in lengths) - lost
                    self.assertEqual(total(metrics, "hopscope_multi_buffer_frames_total"),
                                     100 * several)
                    self.assertEqual(total(metrics, "hopscope_umem_frames", state="held"), 0)
                    self.assertEqual(total(metrics, "int_reports_total", version="1.0"), whole)
                    self.assertEqual(collector.terminate()[0], 0)

    def test_two_queues_two_workers(self):
        with Lab(queues=2) as lab:
            collector = lab.collector(lab.config())
            sent = refused = 0
            for cpu in range(min(2, os.cpu_count())):
                made = lab.generate("--count", 200_000, "--rate", 200_000, "--flows", 500,
                                    "--cpu", cpu)
                sent += made["frames"]
                refused += made["output"]["driver_refused"]
            metrics = collector.settled_metrics()
            self.assert_identity(sent, refused, metrics)
            flows = (total(metrics, "hopscope_table_entries", table="flow_ipv4")
                     + total(metrics, "hopscope_table_entries", table="flow_ipv6"))
            self.assertEqual(flows, 500, "each flow has one owner")
            self.assertEqual(collector.terminate()[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
