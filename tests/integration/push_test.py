#!/usr/bin/env python3
"""Pushes to real stores: every event arrives, with its time and its values, whatever happens to the
store, to the collector, and whatever another sink does."""

import base64
import collections
import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
from lab import HOPSCOPE, free_port, get, parse_metrics, run, server, skip, wait_for  # noqa: E402
from stores import InfluxDb, Prometheus, VictoriaMetrics  # noqa: E402

EVENTS = int(os.environ.get("HOPSCOPE_TEST_EVENTS", 500_000))  # of each half of the outage drill


class Push(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, store):
        self.addCleanup(store.kill)
        store.start()
        return store

    def influxdb(self):
        store = self.start(InfluxDb(self.directory))
        store.create("int")
        return store

    def config(self, name="config.yaml", udp_port=None, **export):
        """Returns its path, and where /metrics will be; `udp_port`: reports come by a socket."""
        listen = f"127.0.0.1:{free_port()}"
        export.setdefault("http", {"listen": listen})
        settings = {"export": export}
        if udp_port:
            settings["receive"] = {"source": "udp", "udp": {"listen": "127.0.0.1"}}
            settings["decode"] = {"report_udp_port": udp_port}
        with open(self.path(name), "w") as f:
            json.dump(settings, f)
        return self.path(name), f"http://{export['http']['listen']}"

    def generate(self, name, *options):
        return json.loads(run(HOPSCOPE, "generate", "--output", self.path(name), *options).stdout)

    def sink(self, store, name="store", **more):
        return {"name": name, "url": store.base, "database": "int", **more}

    def check_accounts(self, metrics, sink):
        """produced + recovered = delivered + in memory + in the spool + dropped"""
        def total(family):
            return sum(value for labels, value in metrics[family].items()
                       if ("sink", sink) in labels)
        self.assertEqual(total("hopscope_sink_records_total") +
                         total("hopscope_sink_recovered_total"),
                         total("hopscope_sink_delivered_total") + total("hopscope_sink_pending") +
                         total("hopscope_sink_dropped_total"), sink)
        return total


class StoresTest(Push):
    """What arrives, against the same events as NDJSON."""

    def replay(self, *stores):
        self.generate("r.pcap", "--count", "40000", "--rate", "20000", "--flows", "50", "--hops",
                      "3", "--drops", "0.02", "--loss", "0.01", "--path-changes", "0.02")
        config, _ = self.config(influxdb=list(stores))
        run(HOPSCOPE, "replay", "--config", config, "--push", "--metrics", self.path("m.prom"),
            "--events", self.path("events"), self.path("r.pcap"))
        with open(self.path("m.prom")) as f:
            metrics = parse_metrics(f.read())
        for store in stores:
            total = self.check_accounts(metrics, store["name"])
            self.assertEqual(total("hopscope_sink_dropped_total"), 0)
            self.assertEqual(total("hopscope_sink_pending"), 0)
        with open(self.path("events")) as f:
            return [json.loads(line) for line in f]

    def test_influxdb(self):
        store = self.influxdb()
        events = self.replay(self.sink(store))
        points = store.points("int", "int_event")
        self.assertEqual(len(points), len(events))

        def of_event(event):
            value = event.get("new_seconds", event.get("new"))
            flow = event.get("flow", {})
            is_drop = event["kind"] == "drop"
            has_value = value is not None and not is_drop
            return (event["kind"], event["measurement"], str(event.get("switch", "")),
                    round(value, 12) if has_value else None, event.get("reason"),
                    flow.get("src"), flow.get("dport"), "-".join(event.get("path", [])) or None)

        def of_point(point):
            value = point.get("new")
            return (point["kind"], point["what"], point.get("switch", ""),
                    round(value, 12) if value is not None else None, point.get("reason"),
                    point.get("src"), point.get("dport"), point.get("path"))
        self.assertEqual(collections.Counter(map(of_event, events)),
                         collections.Counter(map(of_point, points)))
        # The times: those of the events, or right behind them where two of a series are the same.
        times = sorted(event["receive_time_ns"] for event in events)
        stamped = sorted(point["time"] for point in points)
        self.assertLess(max(abs(a - b) for a, b in zip(times, stamped)), 1_000_000)
        exact = set(times)
        self.assertGreater(sum(time in exact for time in stamped), 0.9 * len(times))

    def test_victoria_metrics(self):
        store = self.start(VictoriaMetrics(self.directory))
        events = self.replay(self.sink(store, precision="ms", text_fields=False))
        samples = [(labels, values) for labels, values in store.series("int_event_count")]
        self.assertEqual(sum(len(values) for _, values in samples), len(events))
        kinds = collections.Counter()
        for labels, values in samples:
            kinds[labels["kind"]] += len(values)
        self.assertEqual(kinds, collections.Counter(event["kind"] for event in events))
        self.assertEqual(store.series("int_event_src"), [])

    def test_v2_api(self):
        store = self.start(VictoriaMetrics(self.directory))
        events = self.replay({"name": "v2", "url": store.base, "version": "v2", "bucket": "int",
                              "precision": "ms"})
        self.assertEqual(sum(len(values) for _, values in store.series("int_event_count")),
                         len(events))
        self.assertNotEqual(store.series("int_event_src"), [])

    def test_of_a_partial_write_each_refused_point_is_counted(self):
        store = self.influxdb()
        store.create("hurt")
        # From here on an occupancy is a text there, and no number of that name is taken.
        body = f'int_queue,queue=99 occupancy="none" {time.time_ns()}'.encode()

        def spoiled():  # it may have said yes to a database before it takes points for it
            with contextlib.suppress(urllib.error.HTTPError):
                return urllib.request.urlopen(f"{store.base}/write?db=hurt", body, 60).status == 204
        wait_for("the database", spoiled)
        self.generate("r.pcap", "--count", "2000", "--rate", "20000", "--flows", "20", "--hops", "3")
        udp_port = free_port()
        config, base = self.config(udp_port=udp_port, values_interval="1s", influxdb=[
            self.sink(store, "whole", delivery={"batch_age": "10ms"}),
            self.sink(store, "hurt", database="hurt", delivery={"batch_age": "10ms"})])
        with collector(config, base):
            send(self.path("r.pcap"), udp_port)

            def whole_round():
                """Between two rounds of rows, when all of the last one has been answered."""
                queues = store.count("int", "int_queue", "occupancy")
                metrics = parse_metrics(get(base + "/metrics"))
                whole = self.check_accounts(metrics, "whole")
                hurt = self.check_accounts(metrics, "hurt")
                self.assertEqual(whole("hopscope_sink_dropped_total"), 0)
                stored = sum(store.count("hurt", measurement, field) for measurement, field in [
                    ("int_event", "count"), ("int_port", "tx_utilization"),
                    ("int_switch", "hop_latency_count"), ("int_sender", "reports")])
                return (queues > 30 and
                        hurt("hopscope_sink_dropped_total") == queues and
                        hurt("hopscope_sink_delivered_total") == stored and
                        whole("hopscope_sink_delivered_total") == stored + queues)
            wait_for("each refused point to be counted", whole_round)

    def test_rows_of_the_tables_come_again_and_again(self):
        store = self.influxdb()
        self.generate("r.pcap", "--count", "2000", "--rate", "20000", "--flows", "20", "--hops", "3")
        udp_port = free_port()
        config, base = self.config(udp_port=udp_port, influxdb=[self.sink(store)],
                                   values_interval="100ms")
        with collector(config, base):
            send(self.path("r.pcap"), udp_port)
            received = "hopscope_frames_received_total"
            wait_for("the reports",
                     lambda: parse_metrics(get(base + "/metrics"))[received][()] == 2000)
            expected = parse_metrics(get(base + "/metrics"))
            # As they are when all reports are there, and once more.
            seen = store.count("int", "int_port", "tx_utilization")
            ports = len(expected["int_egress_tx_utilization"])
            wait_for("rows, twice", lambda: store.count("int", "int_port", "tx_utilization") >=
                     seen + 3 * ports)
        newest = {}
        for point in store.points("int", "int_port"):
            key = (("port", point["port"]), ("switch", point["switch"]))
            newest[key] = max(newest.get(key, (0, 0)), (point["time"], point["tx_utilization"]))
        self.assertEqual({key: value for key, (_, value) in newest.items()},
                         expected["int_egress_tx_utilization"])


class DocumentationTest(Push):
    """The configurations of the manual, as they stand there but for addresses and directories."""

    def blocks(self, page):
        with open(page) as f:
            found = re.findall(r"```yaml\n(.*?)```", f.read(), re.S)
        return [block for block in found if block.startswith("export:")]

    def test_every_configuration_delivers(self):
        blocks = self.blocks("docs/push.md")
        self.assertGreaterEqual(len(blocks), 4)
        blocks += self.blocks("docs/remote-write.md") + self.blocks("README.md")
        self.assertGreaterEqual(len(blocks), 6)
        self.generate("r.pcap", "--count", "500", "--drops", "0.1")
        store = self.start(VictoriaMetrics(self.directory))  # speaks every dialect of these
        with open(self.path("influxdb.token"), "w") as f:
            f.write("secret\n")
        os.chmod(self.path("influxdb.token"), 0o600)
        for i, block in enumerate(blocks):
            with self.subTest(block=block):
                block = re.sub(r"http://127\.0\.0\.1:\d+", store.base, block)
                self.assertIn(store.base, block)
                block = block.replace("/etc/hopscope", self.directory)
                block = block.replace("/var/lib/hopscope", self.path(f"lib{i}"))
                os.makedirs(self.path(f"lib{i}/spool"))
                with open(self.path("c.yaml"), "w") as f:
                    f.write(block)
                run(HOPSCOPE, "replay", "--config", self.path("c.yaml"), "--push", "--metrics",
                    self.path("m.prom"), self.path("r.pcap"))
                with open(self.path("m.prom")) as f:
                    metrics = parse_metrics(f.read())
                self.assertEqual(list(metrics["hopscope_sink_delivered_total"].values()),
                                 list(metrics["hopscope_sink_records_total"].values()))
                self.assertGreater(sum(metrics["hopscope_sink_delivered_total"].values()), 50)


class Hostile(http.server.BaseHTTPRequestHandler):
    """Answers as its server's `manner` says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests += 1
        getattr(self, self.server.manner)()

    def hangs(self):
        self.server.over.wait()

    def garbage(self):
        self.wfile.write(b"\x00\xff\x16\x03 no HTTP at all\r\n\r\n")
        self.close_connection = True

    def closes(self):
        self.wfile.write(b"HTTP/1.1 204 No Content\r\nConte")
        self.close_connection = True

    def page(self):
        body = b"<html><body>Please log in</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.over.is_set():
                self.wfile.write(b"x" * 65536)

    def ill(self):
        self.send_error(500)

    def refuses(self):
        self.send_error(400, "never")

    def log_message(self, *_):
        pass


class IsolationTest(Push):
    """Sinks that behave in every bad way beside one that is well."""

    MANNERS = {"hangs": "retrying", "garbage": "retrying", "closes": "retrying",
               "page": "retrying", "endless": "retrying", "ill": "retrying",
               "refuses": "dropping"}

    def hostile(self, manner):
        hostile = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
        hostile.manner, hostile.requests, hostile.over = manner, 0, threading.Event()
        hostile.daemon_threads = True
        thread = threading.Thread(target=hostile.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(hostile.server_close)
        self.addCleanup(hostile.shutdown)
        self.addCleanup(hostile.over.set)
        return hostile

    def test_a_bad_sink_is_nobody_elses_concern(self):
        store = self.influxdb()
        made = self.generate("r.pcap", "--count", "20000", "--rate", "20000", "--flows", "20",
                             "--hops", "3", "--drops", "0.2")
        sinks = [self.sink(store, "good")]
        servers = {}
        for manner in self.MANNERS:
            servers[manner] = self.hostile(manner)
            port = servers[manner].server_address[1]
            sinks.append({"name": manner, "url": f"http://127.0.0.1:{port}", "database": "int",
                          "timeout": "100ms", "values": False,
                          "delivery": {"retry_first": "10ms", "retry_most": "10ms",
                                       "stop_timeout": "100ms"}})
        dead = free_port()
        sinks.append({"name": "dead", "url": f"http://127.0.0.1:{dead}", "database": "int",
                      "values": False, "delivery": {"retry_first": "10ms", "retry_most": "10ms",
                                                    "stop_timeout": "100ms"}})
        udp_port = free_port()
        config, base = self.config(udp_port=udp_port, influxdb=sinks)
        with collector(config, base):
            send(self.path("r.pcap"), udp_port)
            received = "hopscope_frames_received_total"
            wait_for("the reports", lambda: parse_metrics(get(base + "/metrics"))[received][()] ==
                     made["frames"])
            for manner, hostile in servers.items():
                wait_for(f"two requests to the one that {manner}",
                         lambda hostile=hostile: hostile.requests >= 2 or
                         hostile.manner == "refuses")
            events = sum(parse_metrics(get(base + "/metrics"))["int_events_total"].values())
            self.assertGreater(events, made["kinds"]["drop"])
            wait_for("the good one", lambda: store.count("int", "int_event", "count") == events)
            metrics = parse_metrics(get(base + "/metrics"))
            for manner, state in {**self.MANNERS, "dead": "retrying", "good": "ok"}.items():
                with self.subTest(sink=manner):
                    of_sink = {dict(labels)["state"]: value
                               for labels, value in metrics["hopscope_sink_state"].items()
                               if ("sink", manner) in labels}
                    self.assertEqual([name for name, value in of_sink.items() if value == 1],
                                     [state])
                    total = self.check_accounts(metrics, manner)
                    # (drops of memory would be a bug: all of it fits)
                    self.assertEqual(total("hopscope_sink_pending") if state == "retrying" else 0,
                                     events if state == "retrying" else 0)
            health = {check["name"]: check["detail"]
                      for check in json.loads(get(base + "/healthz"))["checks"]}
            self.assertEqual(health["sink-good"], "ok")
            self.assertIn("HTTP 500", health["sink-ill"])
            self.assertIn("records wait", health["sink-dead"])


class SecretsTest(Push):
    """Tokens and passwords that change while the collector runs."""

    def test_sighup_reads_them_again(self):
        heard = []

        class Store(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path.split("?")[0], self.headers["Authorization"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        store = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
        thread = threading.Thread(target=store.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(store.server_close)
        self.addCleanup(store.shutdown)

        def write(token, password):
            for name, text in (("token", token), ("password", password)):
                with open(self.path(name), "w") as f:
                    f.write(text + "\n")
                os.chmod(self.path(name), 0o600)

        def basic(password):
            return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()

        write("first", "one")
        url = f"http://127.0.0.1:{store.server_address[1]}"
        udp_port = free_port()
        config, base = self.config(
            udp_port=udp_port, values_interval="50ms",
            influxdb=[{"name": "a", "url": url, "version": "v2", "bucket": "int",
                       "token_file": self.path("token")}],
            remote_write=[{"name": "b", "url": url + "/api/v1/write", "username": "me",
                           "password_file": self.path("password")}])
        self.generate("r.pcap", "--count", "100", "--hops", "3")
        with collector(config, base) as process:
            send(self.path("r.pcap"), udp_port)
            wait_for("both", lambda: {("/api/v2/write", "Token first"),
                                      ("/api/v1/write", basic("one"))} <= set(heard))
            self.assertEqual(len(set(heard)), 2)
            write("second", "two")
            process.send_signal(signal.SIGHUP)
            wait_for("the new ones", lambda: {("/api/v2/write", "Token second"),
                                              ("/api/v1/write", basic("two"))} <= set(heard))
            # One that is wrong changes nothing.
            write("", "")
            process.send_signal(signal.SIGHUP)
            before = len(heard)
            wait_for("ten more", lambda: len(heard) > before + 10)
            self.assertEqual(set(heard[before + 4:]), {("/api/v2/write", "Token second"),
                                                       ("/api/v1/write", basic("two"))})


class OutageTest(Push):
    """Stores and the collector are killed again and again; every event is there at the end."""

    def drill(self, store, count, events, kind="influxdb", keep_delivered=0, **settings):
        """Returns how many records were made, of two halves with `events` reports each. count():
        how many the store has."""
        for name, start in (("a.pcap", "1700000000000000000"), ("b.pcap", "1700001000000000000")):
            self.generate(name, "--count", str(events), "--rate", "50000", "--flows", "1000",
                          "--hops", "3", "--drops", "1", "--start-time", start)
        spool = {"directory": self.path("spool"), "sync_interval": "100ms",
                 "keep_delivered": keep_delivered}
        sink = {"name": "store", "timeout": "5s", **settings,
                "delivery": {"memory_bytes": "4M", "batch_records": events // 200,
                             "retry_first": "50ms", "retry_most": "200ms",
                             "stop_timeout": "10m", "replay_rate": 0, "spool": spool}}
        config, base = self.config(**{kind: [sink]})

        def replay(name):
            process = subprocess.Popen([HOPSCOPE, "replay", "--config", config, "--push", "--http",
                                        self.path(name)], stdout=subprocess.DEVNULL)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process

        # The store is down from the beginning, and the collector is killed when all is in the spool.
        store.kill()
        process = replay("a.pcap")
        first = wait_for("everything to be in the spool", lambda: self.spooled(base, events),
                         seconds=300)
        process.send_signal(signal.SIGKILL)
        process.wait()

        # The other half, with a store that is killed again and again meanwhile.
        store.start()
        process = replay("b.pcap")
        outages = 0
        while process.poll() is None:
            reached = count()
            wait_for("progress", lambda: process.poll() is not None or
                     count() > reached + events / 5, seconds=300)
            if process.poll() is None and outages < 4:
                store.kill()
                outages += 1
                time.sleep(0.3)
                store.start()
        self.assertEqual(process.returncode, 0)
        self.assertGreaterEqual(outages, 2)
        made = first + self.events_of("b.pcap")
        self.assertGreaterEqual(made, 2 * events)
        return made

    def spooled(self, base, events):
        """How many records were made, once all of them are in the spool's files."""
        try:
            metrics = parse_metrics(get(base + "/metrics"))
        except OSError:
            return 0
        total = self.check_accounts(metrics, "store")
        is_all = metrics["hopscope_frames_received_total"][()] == events and \
            sum(metrics["int_events_total"].values()) == total("hopscope_sink_records_total")
        return total("hopscope_sink_records_total") if is_all and \
            total("hopscope_sink_spool_unwritten") == 0 else 0

    def events_of(self, name):
        summary = self.path("summary.json")
        run(HOPSCOPE, "replay", "--summary", summary, self.path(name))
        with open(summary) as f:
            return sum(json.load(f)["events"].values())

    def test_influxdb(self):
        store = self.influxdb()

        def count():
            return store.count("int", "int_event", "count")
        made = self.drill(store, count, EVENTS, url=store.base, database="int")
        self.assertEqual(count(), made)

    def test_victoria_metrics(self):
        store = self.start(VictoriaMetrics(self.directory))

        def count():
            return sum(len(values) for _, values in store.series("int_event_count"))
        # It says yes up to a quarter of a minute before it has all on its disk.
        made = self.drill(store, count, EVENTS, keep_delivered="1m", url=store.base,
                          database="int", precision="ms")
        self.assertEqual(count(), made)

    def test_prometheus(self):
        store = self.start(Prometheus(self.directory))

        def count():
            return store.counted("int_events_total", 1_700_000_000 - 60, 1_700_001_600)
        made = self.drill(store, count, EVENTS, "remote_write",
                          url=store.base + "/api/v1/write")
        self.assertEqual(count(), made)


@contextlib.contextmanager
def collector(config, base):
    process = subprocess.Popen([HOPSCOPE, "run", "--config", config])
    try:
        def ready():
            with contextlib.suppress(OSError):
                return get(base + "/readyz")
        wait_for("the collector", ready)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def send(capture, port):
    """The UDP payloads of a capture, to the collector."""
    with open(capture, "rb") as f:
        data = f.read()
    at = 24
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        sent = 0
        while at < len(data):
            length = int.from_bytes(data[at + 8:at + 12], "little")
            out.sendto(data[at + 16 + 42:at + 16 + length], ("127.0.0.1", port))
            at += 16 + length
            sent += 1
            if sent % 50 == 0:
                time.sleep(0.001)  # a socket's buffer is small


if __name__ == "__main__":
    for name in ("influxd", "victoria-metrics"):
        if server(name) is None:
            skip(f"no {name} (scripts/setup unpacks it)")
    unittest.main(verbosity=2)
