#!/usr/bin/env python3
"""conf/influxdb: a real InfluxDB 1.x takes the set-up and what hopscope pushes with the README's
configuration; the continuous queries make of it what they should; the commands and queries of the
README work as they stand."""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
import prometheus_test  # noqa: E402
from lab import HOPSCOPE, free_port, get, parse_metrics, run, server, skip, wait_for  # noqa: E402
from servers import CONF, Server  # noqa: E402

ROOT = os.path.join(CONF, "..")
QUEUE = "switch=by-hand,port=3,queue=0"
MEASUREMENTS = ("int_event", "int_port", "int_queue", "int_switch", "int_drops", "int_sender",
                "int_link")


class InfluxDb(Server):
    def __init__(self, program, directory):
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        config = os.path.join(directory, "influxdb.conf")
        with open(config, "w") as f:
            f.write(f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
                    f'[meta]\ndir = "{directory}/meta"\n'
                    f'[data]\ndir = "{directory}/data"\nwal-dir = "{directory}/wal"\n'
                    f'[http]\nbind-address = "127.0.0.1:{self.port}"\n'
                    '[monitor]\nstore-enabled = false\n')
        super().__init__([program, "-config", config], f"{self.base}/ping",
                         os.path.join(directory, "influxd.log"))

    def query(self, statements):
        """Results of the statements; an error of any is an exception."""
        body = urllib.parse.urlencode({"q": statements, "epoch": "s"}).encode()
        with urllib.request.urlopen(f"{self.base}/query", body, timeout=30) as answer:
            results = json.load(answer)["results"]
        for result in results:
            if "error" in result:
                raise RuntimeError(f"{statements}: {result['error']}")
        return results

    def rows(self, statement):
        """Rows as dictionaries, tags of groups among their columns."""
        return [{**series.get("tags", {}), **dict(zip(series["columns"], row))}
                for series in self.query(statement)[0].get("series", [])
                for row in series["values"]]

    def write(self, lines):
        url = f"{self.base}/write?db=hopscope&precision=s"
        try:
            urllib.request.urlopen(url, "\n".join(lines).encode(), timeout=30).close()
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error


class InfluxDbTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.influx = InfluxDb(server("influxd"), directory)
        cls.addClassCleanup(cls.influx.stop)
        with open(f"{CONF}/influxdb/README.md") as f:
            cls.readme = f.read()
        # Its commands as they stand, but for the port; twice, for once is not enough to break.
        cls.commands = re.findall(r"```sh\n(.*?)```", cls.readme, re.S)
        for command in cls.commands * 2:
            cls.answers = subprocess.run(
                ["bash", "-euc", command.replace("127.0.0.1:8086", f"127.0.0.1:{cls.influx.port}")],
                cwd=ROOT, check=True, capture_output=True, text=True)
            if "error" in cls.answers.stdout:
                raise RuntimeError(command + cls.answers.stdout)
        # Two whole minutes, the older of them late by more than one.
        cls.minute = int(time.time()) // 60 * 60 - 600
        cls.directory = directory
        cls.replay()
        cls.collect()
        cls.pushed = {name: cls.keys(name) for name in MEASUREMENTS}
        cls.influx.write(cls.lines(cls.minute))

    @classmethod
    def config(cls, **more):
        """The README's, with the test's server and directory."""
        block, = re.findall(r"```yaml\n(.*?)```", cls.readme, re.S)
        for old, new in (("http://127.0.0.1:8086", cls.influx.base),
                         ("/var/lib/hopscope", cls.directory)):
            if old not in block:
                raise RuntimeError(f"no {old} in the README's configuration")
            block = block.replace(old, new)
        path = f"{cls.directory}/hopscope.yaml"
        with open(path, "w") as f:
            f.write(block + "".join(f"{key}: {json.dumps(value)}\n" for key, value in more.items()))
        return path

    @classmethod
    def generate(cls, start, *more):
        capture = f"{cls.directory}/reports.pcap"
        run(HOPSCOPE, "generate", "--output", capture, "--count", "6000", "--rate", "100",
            "--flows", "20", "--switches", "8", "--hops", "3", "--drops", "0.02", "--loss", "0.01",
            "--path-changes", "0.02", "--congestion", "0.1", "--start-time", str(start), *more)
        return capture

    @classmethod
    def replay(cls):
        """A minute of events, half of it in each of the two; none near where they meet."""
        capture = cls.generate((cls.minute + 30) * 10**9 + 5_000_000)
        events = f"{cls.directory}/events.json"
        run(HOPSCOPE, "replay", "--config", cls.config(), "--push", "--events", events, capture)
        with open(events) as f:
            cls.events = [json.loads(line) for line in f]

    @classmethod
    def collect(cls):
        """Rows of the tables, until all of the reports are in them."""
        listen, port = f"127.0.0.1:{free_port()}", free_port()
        config = cls.config(receive={"source": "udp", "udp": {"listen": "127.0.0.1"}},
                            switches={"defaults": {"clock": "ptp"}},
                            decode={"report_udp_port": port})
        # Into the block that ends with the sink.
        with open(config) as f:
            text = f.read()
        with open(config, "w") as f:
            f.write(text.replace("export:\n", f"export:\n  values_interval: 1s\n  http:\n"
                                 f"    listen: {listen}\n"))
        collector = Server([HOPSCOPE, "run", "--config", config], f"http://{listen}/readyz",
                           f"{cls.directory}/collector.log")
        try:
            # Senders tell their switch in the one format, queues their congestion in the other.
            formats = ((), ("--format", "report05", "--fields", "node_id", "ports", "latency",
                            "queue", "queue_congestion", "ingress_time", "egress_time",
                            "tx_utilization"))
            for more in formats:
                prometheus_test.PrometheusTest.send(cls.generate(time.time_ns(), *more), port)

            def metrics():
                return parse_metrics(get(f"http://{listen}/metrics"))

            def rows():
                return cls.influx.rows("SELECT count(reports) FROM hopscope.raw.int_sender")

            received = "hopscope_frames_received_total"
            wait_for("the reports", lambda: metrics()[received][()] == 12000)
            cls.metrics = metrics()
            senders = len(cls.metrics["int_source_reports_total"])
            before = rows()[0]["count"] if rows() else 0
            wait_for("two rounds of rows",
                     lambda: rows() and rows()[0]["count"] >= before + 3 * senders)
        finally:
            collector.stop()

    @classmethod
    def keys(cls, measurement, policy="raw", where=""):
        """(tags, fields) of the points that are there."""
        tags, fields = set(), set()
        statement = f"SELECT * FROM hopscope.{policy}.{measurement} {where} GROUP BY *"
        for series in cls.influx.query(statement)[0].get("series", []):
            tags |= {name for name, value in series["tags"].items() if value}
            for values in zip(series["columns"], *series["values"]):
                if any(value is not None for value in values[1:]):
                    fields.add(values[0])
        return tags, fields - {"time"}

    def table(self):
        """{measurement: (tags, fields, what the minutes have)} by the README."""
        def names(cell):
            return set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", cell)))

        rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|", self.readme, re.M)
        return {name: (names(tags), names(fields), minutes)
                for name, tags, fields, minutes in rows}

    @staticmethod
    def lines(minute):
        lines = []
        for second, value in ((1, 10), (20, 50), (59, 30), (61, 7)):
            at = minute + second
            lines += [f"int_port,switch=by-hand,port=3 tx_utilization={value} {at}",
                      f"int_queue,{QUEUE} occupancy={value * 100},congestion={value} {at}",
                      f"int_switch,switch=by-hand hop_latency_count={second}i,"
                      f"hop_latency_sum_seconds={second / 1000} {at}",
                      f"int_drops,switch=by-hand,reason=by-hand packets={second}i {at}",
                      f"int_link,from=by-hand,from_port=1,to=there,to_port=2 "
                      f"latency_seconds={value} {at}",
                      f"int_sender,source=10.0.0.1,switch=by-hand,hw_id=0 reports={second}i,"
                      f"missing=2i,late=1i,duplicates=0i,restarts=0i {at}"]
        return lines

    def minutes(self, measurement, where=""):
        """{second: fields and tags} that the continuous query has made of the two minutes."""
        def filled():
            rows = self.influx.rows(f"SELECT * FROM hopscope.minutes.{measurement} {where}")
            # InfluxDB shows the first field of a point before it has written the others.
            is_whole = all(value is not None for row in rows for value in row.values())
            by_time = {row.pop("time") - self.minute: row for row in rows}
            return by_time if is_whole and set(by_time) == {0, 60} else None

        # They run once a minute.
        return wait_for(f"{measurement} in minutes", filled, seconds=150)

    def test_retention_is_a_month_and_a_year(self):
        policies = {row["name"]: row for row in
                    self.influx.rows("SHOW RETENTION POLICIES ON hopscope")}
        self.assertEqual({n: (p["duration"], p["default"]) for n, p in policies.items()},
                         {"raw": ("720h0m0s", True), "minutes": ("9600h0m0s", False)})

    def test_the_table_of_the_readme_is_what_hopscope_pushes(self):
        self.assertEqual({name: (tags, fields) for name, (tags, fields, _) in self.table().items()},
                         self.pushed)
        # What the tests write by hand has no other names.
        for name in MEASUREMENTS:
            self.assertEqual(self.keys(name), self.pushed[name])

    def test_minutes_have_the_fields_of_the_readme(self):
        for name, (tags, fields, minutes) in self.table().items():
            wanted = {"count"} if "`count`" in minutes else set(fields)
            if "_max`" in minutes:
                wanted |= {f"{field}_max" for field in fields}
            with self.subTest(measurement=name):
                wait_for(f"{name} in minutes",
                         lambda: self.keys(name, "minutes") == (tags, wanted), seconds=150)

    def test_counters_end_where_the_collector_did(self):
        def newest(measurement, field, *tags):
            rows = self.influx.query(f"SELECT last({field}) FROM hopscope.minutes.{measurement} "
                                     f"WHERE time > {self.minute + 180}s GROUP BY *")[0]
            return {tuple(series["tags"][tag] for tag in tags): series["values"][0][1]
                    for series in rows.get("series", [])}

        for metric, measurement, field, *tags in (
                ("int_hop_latency_seconds_count", "int_switch", "hop_latency_count", "switch"),
                ("int_packet_drops_total", "int_drops", "packets", "switch", "reason"),
                ("int_source_reports_total", "int_sender", "reports", "source", "switch", "hw_id")):
            expected = {tuple(dict(labels)[tag] for tag in tags): value
                        for labels, value in self.metrics[metric].items()}
            self.assertGreater(len(expected), 4)
            with self.subTest(measurement=measurement):
                wait_for(f"{measurement} in minutes",
                         lambda: newest(measurement, field, *tags) == expected, seconds=150)

    def test_values_have_mean_and_maximum(self):
        by_hand = "WHERE switch = 'by-hand'"
        self.assertEqual(self.minutes("int_port", by_hand), {
            0: {"switch": "by-hand", "port": "3", "tx_utilization": 30, "tx_utilization_max": 50},
            60: {"switch": "by-hand", "port": "3", "tx_utilization": 7, "tx_utilization_max": 7}})
        self.assertEqual(self.minutes("int_queue", by_hand)[0], {
            "switch": "by-hand", "port": "3", "queue": "0", "occupancy": 3000,
            "occupancy_max": 5000, "congestion": 30, "congestion_max": 50})
        self.assertEqual(self.minutes("int_link", "WHERE \"from\" = 'by-hand'")[0], {
            "from": "by-hand", "from_port": "1", "to": "there", "to_port": "2",
            "latency_seconds": 30, "latency_seconds_max": 50})

    def test_counters_are_where_they_stood(self):
        by_hand = "WHERE switch = 'by-hand'"
        self.assertEqual(self.minutes("int_switch", by_hand), {
            0: {"switch": "by-hand", "hop_latency_count": 59, "hop_latency_sum_seconds": 0.059},
            60: {"switch": "by-hand", "hop_latency_count": 61, "hop_latency_sum_seconds": 0.061}})
        drops = self.minutes("int_drops", "WHERE reason = 'by-hand'")
        self.assertEqual([drops[second]["packets"] for second in (0, 60)], [59, 61])
        self.assertEqual(self.minutes("int_sender", by_hand)[60], {
            "source": "10.0.0.1", "switch": "by-hand", "hw_id": "0", "reports": 61, "missing": 2,
            "late": 1, "duplicates": 0, "restarts": 0})

    def test_events_are_counted_by_what_and_where(self):
        names = ("switch", "port", "queue", "reason", "source", "hw_id")
        expected = collections.Counter(
            (event["receive_time_ns"] // (60 * 10**9) * 60 - self.minute, event["kind"],
             event["measurement"], *(str(event.get(name, "")) for name in names))
            for event in self.events)
        self.assertEqual({key[0] for key in expected}, {0, 60})
        self.assertLessEqual({"drop", "value_moved", "path_change", "report_loss"},
                             {key[1] for key in expected})

        def counted():
            rows = self.influx.rows("SELECT * FROM hopscope.minutes.int_event "
                                    f"WHERE time < {self.minute + 120}s")
            return {(row["time"] - self.minute, row["kind"], row["what"],
                     *(row.get(name) or "" for name in names)): row["count"] for row in rows}

        # Points of one minute are written one after the other.
        wait_for("both minutes", lambda: len(counted()) >= len(expected), seconds=150)
        self.assertEqual(counted(), expected)

    def test_what_comes_late_changes_its_minute(self):
        self.minutes("int_drops", "WHERE reason = 'by-hand'")
        late = self.minute + 130
        self.influx.write([f"int_drops,switch=by-hand,reason=late packets=1i {late}"])

        def of_late():
            return self.influx.rows("SELECT packets FROM hopscope.minutes.int_drops "
                                    "WHERE reason = 'late'")

        self.assertEqual(wait_for("the late minute", of_late, seconds=150),
                         [{"time": self.minute + 120, "packets": 1}])

    def test_every_query_of_the_readme_finds_something(self):
        self.assertEqual(len(self.commands), 2)
        for measurement in ("int_queue", "int_switch"):
            self.minutes(measurement, "WHERE switch = 'by-hand'")
        wait_for("events in minutes", lambda: self.influx.rows(
            "SELECT count FROM hopscope.minutes.int_event WHERE kind = 'drop'"), seconds=150)
        queries = re.findall(r"```sql\n(.*?)```", self.readme, re.S)
        self.assertGreaterEqual(len(queries), 5)
        for query in queries:
            with self.subTest(query=query):
                self.assertNotEqual(self.influx.rows(query), [])


if __name__ == "__main__":
    if server("influxd") is None:
        skip("no influxd")
    unittest.main(verbosity=2)
