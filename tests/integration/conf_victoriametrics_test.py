#!/usr/bin/env python3
"""conf/victoriametrics: VictoriaMetrics and vmagent, started as shipped, scrape a collector; every
value that /metrics has arrives. vmalert takes the rules of conf/prometheus."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import prometheus_test  # noqa: E402
from lab import HOPSCOPE, free_port, get, parse_metrics, run, server, skip, wait_for  # noqa: E402
from servers import CONF, QueryApi, Server, UdpCollector, copy_with  # noqa: E402


class VictoriaMetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.collector = UdpCollector(cls.directory, {"tables": {"idle_timeout": "500m"}})
        cls.addClassCleanup(cls.collector.stop)
        copy_with(f"{CONF}/victoriametrics/scrape.yml", cls.path("scrape.yml"),
                  {"127.0.0.1:9465": cls.collector.listen, "scrape_interval: 10s":
                   "scrape_interval: 1s", "scrape_timeout: 9s": "scrape_timeout: 1s"})
        for name in ("start", "start-vmagent"):
            copy_with(f"{CONF}/victoriametrics/{name}", cls.path(name), {})
        capture = cls.path("reports.pcap")
        run(HOPSCOPE, "generate", "--output", capture, "--count", "20000", "--flows", "40",
            "--hops", "3", "--drops", "0.01", "--loss", "0.01", "--path-changes", "0.01")
        prometheus_test.PrometheusTest.send(capture, cls.collector.port)
        cls.store = cls.start_store("store")

    @classmethod
    def path(cls, name):
        return os.path.join(cls.directory, name)

    @classmethod
    def start(cls, script, program, name, port, *flags):
        started = Server([cls.path(script), f"-httpListenAddr=127.0.0.1:{port}", *flags],
                         f"http://127.0.0.1:{port}/health", cls.path(f"{name}.log"),
                         cwd=cls.directory,
                         env={**os.environ, "VICTORIA_METRICS": os.path.abspath(server(program)),
                              "VMAGENT": os.path.abspath(server(program))})
        cls.addClassCleanup(started.stop)

    @classmethod
    def start_store(cls, name, *flags):
        """Answers at once with what it has, which it does not do by itself."""
        port = free_port()
        cls.start("start", "victoria-metrics", name, port, "-search.latencyOffset=0s",
                  "-search.disableCache", f"-storageDataPath={cls.path(name)}", *flags)
        return QueryApi(f"http://127.0.0.1:{port}")

    def served(self):
        """{family of the switches: its series}; a label without a value is none."""
        metrics = parse_metrics(get(f"http://{self.collector.listen}/metrics"))
        return {name: {tuple(sorted((label, text) for label, text in labels if text)): value
                       for labels, value in series.items()}
                for name, series in metrics.items() if name.startswith("int_")}

    def assert_all_arrives(self, store):
        """Every series, while no more reports come."""
        families = self.served()
        self.assertGreater(len(families), 15)
        for name in families:
            with self.subTest(family=name):
                wait_for(name, lambda: store.query(name) == self.served()[name], seconds=60)

    def test_a_single_node_scrapes_every_value(self):
        wait_for("a scrape", lambda: self.store.query("up") == {(): 1})
        self.assert_all_arrives(self.store)

    def test_vmagent_passes_on_every_value(self):
        nothing = self.path("nothing.yml")
        with open(nothing, "w") as f:
            f.write("scrape_configs: []\n")
        store = self.start_store("second", f"-promscrape.config={nothing}")
        self.start("start-vmagent", "vmagent", "vmagent", free_port(),
                   f"-remoteWrite.url={store.base}/api/v1/write")
        wait_for("a scrape", lambda: store.query("up") == {(): 1}, seconds=60)
        self.assert_all_arrives(store)

    def test_the_scrape_job_is_taken_as_it_is(self):
        done = subprocess.run([f"{CONF}/victoriametrics/start", "-dryRun"], capture_output=True,
                              text=True, cwd=self.directory,
                              env={**os.environ, "VICTORIA_METRICS":
                                   os.path.abspath(server("victoria-metrics"))})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_vmalert_takes_the_rules(self):
        rules = f"{CONF}/prometheus/rules"
        run(server("vmalert"), "-dryRun", f"-rule={rules}/*.yml")
        broken = copy_with(f"{rules}/alerts.yml", self.path("broken.yml"),
                           {"avg_over_time(": "avg_over_time(("})
        self.assertNotEqual(run(server("vmalert"), "-dryRun", f"-rule={broken}",
                                check=False).returncode, 0)


if __name__ == "__main__":
    if server("victoria-metrics") is None or server("vmagent") is None:
        skip("no victoria-metrics")
    unittest.main(verbosity=2)
