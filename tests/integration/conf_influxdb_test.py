#!/usr/bin/env python3
"""conf/influxdb: a real InfluxDB 1.x takes the set-up, its continuous queries fill what they should
from lines as they are pushed, and the commands and queries of the README work as they stand."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
from lab import free_port, server, skip, wait_for  # noqa: E402
from servers import CONF, Server  # noqa: E402

ROOT = os.path.join(CONF, "..")
QUEUE = "switch=leaf-1,port=3,queue=0"


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
        with urllib.request.urlopen(url, "\n".join(lines).encode(), timeout=30) as answer:
            if answer.status != 204:
                raise RuntimeError(answer.read().decode())


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
        cls.influx.write(cls.lines(cls.minute))

    @staticmethod
    def lines(minute):
        lines = []
        for second, value in ((1, 10), (20, 50), (59, 30), (61, 7)):
            at = minute + second
            lines += [f"int_port,switch=leaf-1,port=3 tx_utilization={value} {at}",
                      f"int_queue,{QUEUE} occupancy={value * 100}i,congestion={value}i {at}",
                      f"int_switch,switch=leaf-1 hop_latency_count={second}i,"
                      f"hop_latency_sum_seconds={second / 1000} {at}",
                      f"int_drops,switch=leaf-1,reason=acl_deny packets={second}i {at}",
                      f"int_sender,source=10.0.0.1,switch=leaf-1,hw_id=0 reports={second}i,"
                      f"missing=2i,late=1i,duplicates=0i,restarts=0i {at}"]
            flow = 'src="10.0.0.1",dst="10.0.0.2",sport=5i,dport=80i,proto="tcp"'
            lines += [f"int_event,kind=drop,measurement=drop_reason,switch=leaf-1,reason=acl_deny "
                      f"new=29i,{flow} {at}",
                      f"int_event,kind=value_moved,measurement=queue_occupancy,{QUEUE} "
                      f"old=1i,new=2i {at}",
                      f'int_event,kind=path_change,measurement=flow old_path="1-2",path="1-3",'
                      f"{flow} {at}"]
        return lines

    def minutes(self, measurement, where=""):
        """{second: fields and tags} that the continuous query has made of the two minutes."""
        def filled():
            rows = self.influx.rows(f"SELECT * FROM hopscope.minutes.{measurement} {where}")
            by_time = {row.pop("time") - self.minute: row for row in rows}
            return by_time if set(by_time) == {0, 60} else None

        # They run once a minute.
        return wait_for(f"{measurement} in minutes", filled, seconds=150)

    def test_retention_is_a_month_and_a_year(self):
        policies = {row["name"]: row for row in
                    self.influx.rows("SHOW RETENTION POLICIES ON hopscope")}
        self.assertEqual({n: (p["duration"], p["default"]) for n, p in policies.items()},
                         {"raw": ("720h0m0s", True), "minutes": ("9600h0m0s", False)})

    def test_values_have_mean_and_maximum(self):
        self.assertEqual(self.minutes("int_port"), {
            0: {"switch": "leaf-1", "port": "3", "tx_utilization": 30, "tx_utilization_max": 50},
            60: {"switch": "leaf-1", "port": "3", "tx_utilization": 7, "tx_utilization_max": 7}})
        self.assertEqual(self.minutes("int_queue")[0], {
            "switch": "leaf-1", "port": "3", "queue": "0", "occupancy": 3000,
            "occupancy_max": 5000, "congestion": 30, "congestion_max": 50})

    def test_counters_are_where_they_stood(self):
        self.assertEqual(self.minutes("int_switch"), {
            0: {"switch": "leaf-1", "hop_latency_count": 59, "hop_latency_sum_seconds": 0.059},
            60: {"switch": "leaf-1", "hop_latency_count": 61, "hop_latency_sum_seconds": 0.061}})
        drops = self.minutes("int_drops", "WHERE reason = 'acl_deny'")
        self.assertEqual([drops[second]["packets"] for second in (0, 60)], [59, 61])
        self.assertEqual(self.minutes("int_sender")[60], {
            "source": "10.0.0.1", "switch": "leaf-1", "hw_id": "0", "reports": 61, "missing": 2,
            "late": 1, "duplicates": 0, "restarts": 0})

    def test_events_are_counted_by_what_and_where(self):
        counts = {kind: {second: row for second, row in
                         self.minutes("int_event", f"WHERE kind = '{kind}'").items()}
                  for kind in ("drop", "value_moved", "path_change")}
        self.assertEqual([counts["drop"][s]["count_new"] for s in (0, 60)], [3, 1])
        self.assertEqual(counts["drop"][0]["reason"], "acl_deny")
        self.assertEqual([counts["value_moved"][s]["count_old"] for s in (0, 60)], [3, 1])
        self.assertEqual(counts["value_moved"][0]["queue"], "0")
        self.assertEqual([counts["path_change"][s]["count_path"] for s in (0, 60)], [3, 1])

    def test_what_comes_late_changes_its_minute(self):
        self.minutes("int_drops", "WHERE reason = 'acl_deny'")
        late = self.minute + 130
        self.influx.write([f"int_drops,switch=leaf-1,reason=late packets=1i {late}"])

        def of_late():
            return self.influx.rows("SELECT packets FROM hopscope.minutes.int_drops "
                                    "WHERE reason = 'late'")

        self.assertEqual(wait_for("the late minute", of_late, seconds=150),
                         [{"time": self.minute + 120, "packets": 1}])

    def test_every_query_of_the_readme_finds_something(self):
        self.assertEqual(len(self.commands), 2)
        for measurement in ("int_queue", "int_switch"):
            self.minutes(measurement)
        self.minutes("int_event", "WHERE kind = 'drop'")
        queries = re.findall(r"```sql\n(.*?)```", self.readme, re.S)
        self.assertGreaterEqual(len(queries), 5)
        for query in queries:
            with self.subTest(query=query):
                self.assertNotEqual(self.influx.rows(query), [])


if __name__ == "__main__":
    if server("influxd") is None:
        skip("no influxd")
    unittest.main(verbosity=2)
