#!/usr/bin/env python3
"""A real Prometheus scrapes the collector, and its query API gives back what was sent."""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
from lab import (HOPSCOPE, free_port, get, parse_metrics, run, server, skip,  # noqa: E402
                 wait_for)  # noqa: E402

REFUSED = 100


class Prometheus:
    """Scrapes `target`, or what `jobs` (YAML) or a whole `config` says."""

    def __init__(self, program, target, directory, features=(), jobs=None, config=None):
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        if config is None:
            config = os.path.join(directory, "prometheus.yml")
            with open(config, "w") as f:
                f.write("global: {scrape_interval: 1s}\n")
                f.write(jobs or "scrape_configs: " + json.dumps(
                    [{"job_name": "hopscope", "static_configs": [{"targets": [target]}]}]))
        self.log = open(os.path.join(directory, "prometheus.log"), "w")
        self.process = subprocess.Popen(
            [program, f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{port}",
             *([f"--enable-feature={','.join(features)}"] if features else [])],
            stdout=self.log, stderr=self.log)

    def ask(self, endpoint, **parameters):
        url = f"{self.base}/api/v1/{endpoint}?" + urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """{labels without those of the scrape as a sorted tuple: value}"""
        result = self.ask("query", query=expression)["result"]
        return {tuple(sorted((k, v) for k, v in one["metric"].items()
                             if k not in ("__name__", "job", "instance"))): float(one["value"][1])
                for one in result}

    def ready(self):
        try:
            get(self.base + "/-/ready", timeout=2)
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


class PrometheusTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def test_values_come_back_from_the_query_api(self):
        capture, metrics, config = self.path("r.pcap"), self.path("m.prom"), self.path("c.yaml")
        made = json.loads(run(HOPSCOPE, "generate", "--output", capture, "--count", "60000",
                              "--rate", "50000", "--flows", "40", "--hops", "3", "--drops", "0.01",
                              "--loss", "0.01", "--path-changes", "0.01").stdout)
        listen = f"127.0.0.1:{free_port()}"
        with open(config, "w") as f:
            json.dump({"export": {"http": {"listen": listen}},
                       "switches": {"by_id": {"1": {"name": "leaf \"1\""}}}}, f)
        # All of it, fast, for the values at the end.
        run(HOPSCOPE, "replay", "--config", config, "--metrics", metrics, capture)
        with open(metrics) as f:
            expected = f.read()

        # UDP on the loopback interface: the real collector, without root.
        udp_port = free_port()
        with open(config, "w") as f:
            json.dump({"receive": {"source": "udp", "udp": {"listen": "127.0.0.1"}},
                       "decode": {"report_udp_port": udp_port},
                       "export": {"http": {"listen": listen}, "flows": {"series": "all"}},
                       "switches": {"by_id": {"1": {"name": "leaf \"1\""}}}}, f)
        collector = subprocess.Popen([HOPSCOPE, "run", "--config", config])
        self.addCleanup(collector.wait)
        self.addCleanup(collector.kill)
        wait_for("the collector", lambda: self.answers(f"http://{listen}/readyz"))
        prometheus = Prometheus(server("prometheus"), listen, self.directory.name)
        self.addCleanup(prometheus.stop)
        wait_for("Prometheus", prometheus.ready, seconds=60)

        self.send(capture, udp_port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as garbage:
            for _ in range(REFUSED):
                garbage.sendto(b"\xff" * 40, ("127.0.0.1", udp_port))
        sent = made["frames"] + REFUSED
        received = "hopscope_frames_received_total"
        wait_for("everything to be scraped",
                 lambda: prometheus.query(received).get((), 0) == sent, seconds=60)
        self.assertEqual(prometheus.query("up"), {(): 1})
        self.assertEqual(prometheus.query("hopscope_frames_decoded_total + "
                                          "scalar(sum(hopscope_frames_dropped_total)) + "
                                          "scalar(hopscope_queue_dropped_total{queue='handoff'})"),
                         {(): sent})
        self.assertEqual(prometheus.query("hopscope_frames_dropped_total > 0"),
                         {(("reason", "unknown_version"),): REFUSED})
        for family in ("int_reports_total", "int_report_sequence_gaps_total",
                       "int_packet_drops_total", "int_flow_path_changes_total"):
            with self.subTest(family=family):
                self.assertEqual(prometheus.query(family), self.series(expected, family))
        self.assertEqual(prometheus.query("sum(int_packet_drops_total)"),
                         {(): made["kinds"]["drop"]})
        for family in ("int_flow_reports_total", "int_flow_latency_seconds", "int_flow_path_info",
                       "int_flow_hop_latency_seconds", "int_queue_occupancy",
                       "int_egress_tx_utilization", "int_hop_latency_seconds_count"):
            with self.subTest(family=family):
                self.assertEqual(prometheus.query(family), self.series(expected, family))
        quantile = prometheus.query(
            "histogram_quantile(0.5, sum by (le) (int_hop_latency_seconds_bucket))")[()]
        self.assertGreater(quantile, 0)

        collector.terminate()
        self.assertEqual(collector.wait(timeout=10), 0)

    def start(self, features=(), jobs=None):
        """A collector with some reports in its tables, and a Prometheus that scrapes it."""
        capture, config = self.path("r.pcap"), self.path("c.yaml")
        made = json.loads(run(HOPSCOPE, "generate", "--output", capture, "--count", "20000",
                              "--rate", "50000", "--flows", "20", "--hops", "3", "--congestion",
                              "0.1").stdout)
        udp_port, listen = free_port(), f"127.0.0.1:{free_port()}"
        with open(config, "w") as f:
            json.dump({"receive": {"source": "udp", "udp": {"listen": "127.0.0.1"}},
                       "decode": {"report_udp_port": udp_port},
                       "export": {"http": {"listen": listen}}}, f)
        collector = subprocess.Popen([HOPSCOPE, "run", "--config", config])
        self.addCleanup(collector.wait)
        self.addCleanup(collector.kill)
        wait_for("the collector", lambda: self.answers(f"http://{listen}/readyz"))
        self.send(capture, udp_port)
        received = "hopscope_frames_received_total"
        wait_for("everything to be received", lambda: parse_metrics(
            get(f"http://{listen}/metrics"))[received][()] == made["frames"])
        prometheus = Prometheus(server("prometheus"), listen, self.directory.name, features,
                                jobs.replace("127.0.0.1:9465", listen) if jobs else None)
        self.addCleanup(prometheus.stop)
        wait_for("Prometheus", prometheus.ready, seconds=60)
        targets = jobs.count("targets:") if jobs else 1
        wait_for("a scrape of each",
                 lambda: prometheus.query("sum(up)") == {(): targets}, seconds=60)
        return parse_metrics(get(f"http://{listen}/metrics")), prometheus

    def exemplars(self, metrics, prometheus, name):
        """They name flows that are there, and lie within the time of the test."""
        now = time.time()
        found = [(series["seriesLabels"], exemplar)
                 for series in prometheus.ask("query_exemplars", query=name, start=now - 600,
                                              end=now + 600)
                 for exemplar in series["exemplars"]]
        self.assertTrue(found)
        flows = {tuple(sorted(key)) for key in metrics["int_flow_reports_total"]}
        for labels, exemplar in found:
            self.assertIn(tuple(sorted(exemplar["labels"].items())), flows)
            if "le" in labels:
                self.assertLessEqual(float(exemplar["value"]), float(labels["le"]))
            self.assertLess(abs(exemplar["timestamp"] - now), 600)

    def test_native_histograms_by_protobuf(self):
        metrics, prometheus = self.start(["native-histograms", "exemplar-storage"])
        counts = metrics["int_hop_latency_seconds_count"]
        sums = metrics["int_hop_latency_seconds_sum"]
        name = "int_hop_latency_seconds"
        self.assertEqual(prometheus.query(f"histogram_count({name})"), counts)
        for key, value in prometheus.query(f"histogram_sum({name})").items():
            self.assertAlmostEqual(value, sums[key])
        self.assertEqual(prometheus.query(f"{name}_bucket"), {}, "one series, not 26")
        # Buckets are powers of two of a nanosecond, those of Prometheus of a second: 6.9% lower.
        for key, buckets in self.buckets(metrics).items():
            for bound, cumulative in buckets:
                if bound == float("inf") or cumulative == 0:
                    continue
                fraction = prometheus.query(
                    f"histogram_fraction(0, {bound * 1e9 / 2**30}, {name})")[key]
                self.assertAlmostEqual(fraction, cumulative / counts[key], 6)
        self.assertEqual(prometheus.query("hopscope_frames_decoded_total"),
                         metrics["hopscope_frames_decoded_total"])
        self.exemplars(metrics, prometheus, name)

    def test_open_metrics_with_exemplars(self):
        metrics, prometheus = self.start(["exemplar-storage"])
        name = "int_hop_latency_seconds_bucket"
        self.assertEqual(prometheus.query(name), metrics[name])
        self.assertEqual(prometheus.query("int_flow_reports_total"),
                         metrics["int_flow_reports_total"])
        about = prometheus.ask("metadata", metric="int_flow_latency_seconds")
        self.assertEqual(about["int_flow_latency_seconds"][0]["unit"], "seconds",
                         "text 0.0.4 knows no units")
        self.exemplars(metrics, prometheus, name)

    def test_the_sharded_job_of_the_documentation(self):
        page = os.path.join(os.path.dirname(__file__), "../../docs/scraping.md")
        with open(page) as f:
            jobs = f.read().split("```yaml\n")[1].split("```")[0]
        metrics, prometheus = self.start(jobs=jobs)
        for name in ("int_queue_occupancy", "int_hop_latency_seconds_count",
                     "int_flow_reports_total", "hopscope_frames_decoded_total"):
            self.assertEqual(prometheus.query(f"max without (shard) ({name})"), metrics[name])
            self.assertEqual(prometheus.query(f"count({name})"), {(): len(metrics[name])},
                             "each in one shard")
        shards = prometheus.query("count by (shard) (int_queue_occupancy)")
        self.assertEqual(len(shards), 4, "spread over all")

    @staticmethod
    def buckets(metrics):
        """{labels without le: [(bound, cumulative count)]}"""
        found = {}
        for key, value in metrics["int_hop_latency_seconds_bucket"].items():
            rest = tuple(pair for pair in key if pair[0] != "le")
            found.setdefault(rest, []).append((float(dict(key)["le"]), value))
        return found

    @staticmethod
    def answers(url):
        try:
            get(url, timeout=2)
            return True
        except OSError:
            return False

    @staticmethod
    def series(text, family):
        def unescape(value):
            return value.replace('\\"', '"').replace("\\\\", "\\")

        return {tuple(sorted((k, unescape(v)) for k, v in key)): value
                for key, value in parse_metrics(text)[family].items()}

    @staticmethod
    def send(capture, port):
        """The UDP payloads of the capture, from as many sockets as it has source ports."""
        sockets = {}
        with open(capture, "rb") as f:
            data = f.read()
        at, number = 24, 0
        while at < len(data):
            length = struct.unpack_from("<I", data, at + 8)[0]
            frame = data[at + 16:at + 16 + length]
            at += 16 + length
            source = frame[34:36]
            if source not in sockets:
                sockets[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sockets[source].sendto(frame[42:], ("127.0.0.1", port))
            number += 1
            if number % 500 == 0:
                time.sleep(0.005)  # a socket is not a NIC: let it be read
        for one in sockets.values():
            one.close()


if __name__ == "__main__":
    if server("prometheus") is None:
        skip("no prometheus")
    unittest.main(verbosity=2)
