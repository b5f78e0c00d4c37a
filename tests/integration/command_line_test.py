#!/usr/bin/env python3
"""The program as a user meets it, without root: generate, replay, decode, check, dump, exit codes."""

import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.dirname(__file__))
from lab import HOPSCOPE, free_port, get, parse_metrics, server, total, wait_for  # noqa: E402

DATA = os.path.join(os.path.dirname(__file__), "..", "data")


def hopscope(*arguments, **more):
    return subprocess.run([HOPSCOPE, *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, **more)


def udp_frame(port, payload, checksum=0):
    """Ethernet, IPv4 and UDP around `payload`; 0: without a UDP checksum."""
    udp = struct.pack(">HHHH", 5000, port, 8 + len(payload), checksum) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    return bytes(12) + b"\x08\x00" + ip + udp


def pcap(frames):
    """A nanosecond pcap, a frame a microsecond."""
    records = [struct.pack("<IIII", 1_700_000_000, i * 1000, len(f), len(f)) + f
               for i, f in enumerate(frames)]
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + b"".join(records)


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name, content=None):
        path = os.path.join(self.directory, name)
        if content is not None:
            with open(path, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def good(self, *arguments):
        done = hopscope(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def generate(self, *arguments):
        """Returns the capture and what the generator says is in it."""
        capture = self.path("reports.pcap")
        return capture, json.loads(self.good("generate", "--output", capture, *arguments).stdout)

    def replay(self, capture, *arguments):
        summary = self.path("summary.json")
        self.good("replay", "--summary", summary, *arguments, capture)
        with open(summary) as f:
            return json.load(f)

    def test_every_format_is_found_as_it_was_generated(self):
        for name in ("report05", "report05-local", "report05-drop", "report10", "report10-xd",
                     "report20-md", "report20-xd", "report20-mx"):
            with self.subTest(format=name):
                capture, made = self.generate("--format", name, "--hops", 3, "--count", 2000,
                                              "--flows", 50, "--ipv6", 0.2, "--tcp", 0.5,
                                              "--loss", 0.01)
                found = self.replay(capture)
                self.assertEqual(found["frames"], made["frames"])
                self.assertEqual(found["decoded"], made["frames"])
                self.assertEqual(found["dropped"], {})
                self.assertEqual(found["errors"], {})
                self.assertEqual(found["reports"], made["reports"])
                # A switch's own report has no stack.
                self.assertEqual(found["hops"], 3 * made["kinds"]["stack"])
                self.assertEqual(found["flows"], made["flows"]["used"])
                self.assertEqual(found["sequence_gaps"], made["sequences"]["missing"])

    def test_malformed_frames_drops_and_path_changes_are_told_apart(self):
        capture, made = self.generate("--count", 50_000, "--flows", 200, "--malformed", 0.05,
                                      "--drops", 0.02, "--path-changes", 0.01)
        found = self.replay(capture)
        self.assertEqual(found["frames"], made["frames"])
        self.assertEqual(sum(found["dropped"].values()), made["rejected"])
        self.assertEqual(found["decoded"], made["frames"] - made["rejected"])
        self.assertEqual(found["errors"], made["malformed"])
        self.assertEqual(found["events"]["drop"], made["kinds"]["drop"])
        self.assertEqual(found["events"]["path_change"], made["path_changes"])

    def test_captures_of_senders_that_deviate(self):
        """ONOS, GEANT and the BMv2 programs, each frame of a capture decoded in full."""
        with open(os.path.join(DATA, "vectors.json")) as f:
            vectors = {v["name"]: v for v in json.load(f)}
        for name in ("dev_onos_tr10_dqf_shift_ver0", "dev_geant_int10_64bit_ts",
                     "dev_bmv2_tr20_zero_lengths"):
            with self.subTest(sender=name):
                vector = vectors[name]
                capture = self.path("sender.pcap", pcap([bytes.fromhex(vector["hex"])] * 250))
                config = self.path("sender.yaml", json.dumps({"decode": vector["config"]}))
                found = self.replay(capture, "--config", config)
                self.assertEqual(found["decoded"], 250)
                self.assertEqual(found["errors"], {})
                lines = self.good("decode", "--config", config, capture).stdout.splitlines()
                self.assertEqual(len(lines), 250)
                self.assertEqual(len(set(lines)), 1)
                self.assertNotIn("error", json.loads(lines[0]))

    def test_a_frame_of_any_length_prints_as_text(self):
        with open(os.path.join(DATA, "vectors.json")) as f:
            frame = bytes.fromhex(json.load(f)[-1]["hex"])
        capture = self.path("short.pcap", pcap([frame[:n] for n in range(1, len(frame) + 1)]))
        lines = self.good("decode", "--all", "--format", "text", capture).stdout.splitlines()
        heads = [line for line in lines if line.startswith("frame ")]
        self.assertEqual(len(heads), len(frame))
        self.assertIn("short_frame (reject)", heads[0])

    def test_drops_and_counters_of_report_05(self):
        """One counter runs through all kinds; what a report does not say is not a value."""
        def report(number, nproto, body):
            header = struct.pack(">BBBBII", nproto, 0x80 if nproto == 1 else 0x20, 0, 7, number, 0)
            return header + body
        cut = bytes.fromhex("00" * 12 + "0806")  # no IP: the report's own words only
        local = struct.pack(">IIII", 3, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        drop = struct.pack(">IHHI", 5, 1, 2, 0xFFFFFFFF)
        frames = [udp_frame(32766, report(n, n % 3, (b"", drop, local)[n % 3] + cut))
                  for n in range(1, 40)]
        metrics = self.path("metrics")
        found = self.replay(self.path("mixed.pcap", pcap(frames)), "--metrics", metrics)
        self.assertEqual((found["decoded"], found["sequence_gaps"]), (39, 0))
        with open(metrics) as f:
            text = f.read()
        self.assertIn('int_packet_drops_total{switch="5",reason="not_reported"} 13', text)
        self.assertNotIn("int_queue_occupancy{", text)

    def test_a_replay_gives_the_same_every_time(self):
        capture, _ = self.generate("--count", 20_000, "--flows", 300, "--congestion", 0.1,
                                   "--path-changes", 0.01, "--drops", 0.01, "--malformed", 0.01)
        results = []
        for i in range(2):
            events, metrics = self.path(f"events{i}"), self.path(f"metrics{i}")
            self.replay(capture, "--events", events, "--metrics", metrics)
            with open(events) as f, open(metrics) as g:
                tables = [line for line in g if line.startswith("int_")]
                results.append((f.read(), tables))
        self.assertEqual(results[0], results[1])
        self.assertGreater(len(results[0][0]), 0)

    def test_events_and_metrics_agree_with_the_summary(self):
        capture, made = self.generate("--count", 20_000, "--flows", 300, "--congestion", 0.1,
                                      "--drops", 0.01, "--loss", 0.01, "--malformed", 0.01)
        events, metrics = self.path("events"), self.path("metrics")
        found = self.replay(capture, "--events", events, "--metrics", metrics)
        with open(events) as f:
            kinds = {}
            for line in f:
                kind = json.loads(line)["kind"]
                kinds[kind] = kinds.get(kind, 0) + 1
        self.assertEqual(kinds, {k: n for k, n in found["events"].items() if n})
        with open(metrics) as f:
            text = f.read()
        values = parse_metrics(text)
        self.assertEqual(total(values, "int_reports_total"), found["reports"])
        self.assertEqual(total(values, "hopscope_frames_received_total"), found["frames"])
        self.assertEqual(total(values, "hopscope_frames_dropped_total"),
                         sum(found["dropped"].values()))
        self.assertEqual(total(values, "int_events_total"), sum(found["events"].values()))
        self.assertEqual(total(values, "int_report_sequence_gaps_total"),
                         made["sequences"]["missing"])
        self.assertEqual(total(values, "int_packet_drops_total"), made["kinds"]["drop"])
        self.assertEqual(len(values["int_flow_reports_total"]), found["flows"])
        promtool = server("promtool")
        if promtool is None:
            self.skipTest("no promtool")
        checked = subprocess.run([promtool, "check", "metrics"], input=text, text=True,
                                 capture_output=True)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def forecast(self, *arguments):
        """({family: series}, {format: (MiB, MiB in gzip)}, hints)"""
        lines = self.good("forecast", *arguments).stdout.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("family "))
        end = next(i for i, line in enumerate(lines) if line.startswith("total "))
        series = {name: int(count) for name, count, _ in map(str.split, lines[start + 1:end + 1])}
        sizes = {words[0]: (float(words[1]), float(words[4]))
                 for words in map(str.split, lines[end + 1:]) if words[2:4] == ["MiB", "gzip"]}
        return series, sizes, [line for line in lines if line.startswith("* ")]

    def replayed(self, capture, config):
        """What /metrics shows after a replay."""
        self.replay(capture, "--config", config, "--metrics", self.path("metrics"))
        with open(self.path("metrics")) as f:
            return f.read()

    def test_a_forecast_says_what_a_configuration_will_expose(self):
        series, sizes, hints = self.forecast("--switches", 10, "--ports", 16, "--queues", 4,
                                             "--flows", 5000, "--hops", 4)
        self.assertEqual(series["int_flow_reports_total"], 1000, "top_k of the defaults")
        self.assertEqual(series["int_flow_hop_latency_seconds"], 4000)
        self.assertEqual(series["int_queue_occupancy"], 10 * 16 * 4)
        self.assertEqual(series["int_hop_latency_seconds"], 10 * 28)
        self.assertEqual(series["total"], sum(n for name, n in series.items() if name != "total"))
        self.assertEqual(set(sizes), {"text", "OpenMetrics", "protobuf"})
        self.assertEqual(len(hints), 1, "nothing is too large")
        limit = int(hints[0].split("scrape job: ")[1].split()[0])
        self.assertGreaterEqual(limit, 1.2 * series["total"])
        self.assertLess(limit, 1.4 * series["total"])
        config = self.path("all.yaml", "export: {flows: {series: all}, max_series: 30000}\n")
        series, sizes, hints = self.forecast("--config", config, "--switches", 200)
        self.assertEqual(series["int_flow_reports_total"], 30000, "as many as fit a family")
        self.assertEqual(series["int_flow_hop_latency_seconds"], 30000, "the cap of a family")
        self.assertGreater(sizes["text"][0], 16)
        text = "\n".join(hints)
        for part in ("shard=0/", "VictoriaMetrics", "sample_limit",
                     "70000 of 100000 flows have no series of their own, export.max_series is",
                     "int_flow_hop_latency_seconds: 60000 series are left out"):
            self.assertIn(part, text)

    def test_a_forecast_of_any_size_comes_to_an_end(self):
        fabric = ("--switches", 65535, "--ports", 65535, "--queues", 256)
        series, _, hints = self.forecast(*fabric)
        self.assertEqual(series["int_egress_tx_utilization"], 16384, "all that the tables hold")
        self.assertIn("tables.ports is 16384", "\n".join(hints))
        config = self.path("huge.yaml", "tables: {ports: 16777216, queue_overflow: 16777216}\n")
        done = hopscope("forecast", "--config", config, *fabric)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^hopscope: .* forecast renders \d+ at the most.*\n$")

    def test_a_forecast_is_what_a_replay_shows(self):
        """The same numbers of switches, queues and flows, once made up and once received."""
        capture, made = self.generate("--count", 60_000, "--flows", 2000, "--hops", 3, "--tcp", 0.8)
        config = self.path("all.yaml", "export: {flows: {series: all}}\n")
        text = self.replayed(capture, config)
        found = parse_metrics(text)
        switches = len({dict(key)["switch"] for key in found["int_hop_latency_seconds_count"]})
        ports = len(found["int_egress_tx_utilization"])
        queues = len(found["int_queue_occupancy"])
        series, sizes, _ = self.forecast("--config", config, "--switches", switches,
                                         "--ports", ports // switches, "--queues", queues // ports,
                                         "--flows", made["flows"]["used"], "--hops", 3)
        for family in ("int_flow_reports_total", "int_flow_latency_seconds", "int_flow_path_info",
                       "int_flow_hop_latency_seconds", "int_reports_total", "int_events_total",
                       "hopscope_frames_dropped_total"):
            self.assertEqual(series[family], len(found[family]), family)
        histogram = sum(len(found[f"int_hop_latency_seconds_{part}"])
                        for part in ("bucket", "sum", "count"))
        self.assertEqual(series["int_hop_latency_seconds"], histogram)
        plain, zipped = sizes["text"]
        self.assertAlmostEqual(plain / (len(text) / 2**20), 1, delta=0.1)
        # As the server does it. What is measured follows no rule, so it does not shrink further.
        gzip = zlib.compressobj(1, zlib.DEFLATED, 31)
        real = (len(gzip.compress(text.encode())) + len(gzip.flush())) / 2**20
        self.assertGreater(zipped, real)
        self.assertLess(zipped, 1.4 * real)

    def test_a_forecast_ends_where_tables_are_full(self):
        capture, _ = self.generate("--count", 40_000, "--flows", 3000, "--hops", 3,
                                   "--switches", 20, "--drops", 0.1)
        config = self.path("small.yaml", json.dumps({
            "tables": {"flows_ipv4": 100, "ports": 40, "switches": 10, "sequences": 5, "links": 12,
                       "drop_reasons": 6},
            "switches": {"defaults": {"clock": "ptp"}},
            "export": {"flows": {"series": "all"}}}))
        found = parse_metrics(self.replayed(capture, config))
        series, _, hints = self.forecast("--config", config, "--switches", 20)
        for family in ("int_flow_reports_total", "int_egress_tx_utilization", "int_source_info",
                       "int_report_sequence_gaps_total", "int_link_latency_seconds",
                       "int_packet_drops_total"):
            self.assertEqual(series[family], len(found[family]), family)
        self.assertEqual(series["int_hop_latency_seconds"],
                         28 * len(found["int_hop_latency_seconds_count"]))
        text = "\n".join(hints)
        for option in ("flows_ipv4 is 100", "ports is 40", "switches is 10", "sequences is 5",
                       "links is 12", "drop_reasons is 6"):
            self.assertIn(f"left out, tables.{option}", text)

    def test_a_forecast_is_what_a_collector_shows(self):
        """All that a collector with sinks says of itself: the same families, as many series."""
        port = free_port()
        config = self.path("collector.yaml", json.dumps({
            "receive": {"source": "udp", "udp": {"listen": "127.0.0.1"}},
            "decode": {"report_udp_port": free_port()},
            "workers": [{"queue": 0}, {"queue": 1}],
            "export": {"http": {"listen": f"127.0.0.1:{port}"},
                       "events": {"file": self.path("events")},
                       "influxdb": [{"url": "http://127.0.0.1:9", "database": "int"}],
                       "remote_write": [{"url": "http://127.0.0.1:9/api/v1/write"}]}}))
        found = parse_metrics(self.scraped(config, f"http://127.0.0.1:{port}"))
        series, _, _ = self.forecast("--config", config, "--switches", 1, "--ports", 0,
                                     "--queues", 0, "--flows", 0)
        summary = "hopscope_frames_per_poll"
        for part in ("_sum", "_count"):
            found.setdefault(summary, {}).update(
                {(part, *key): value for key, value in found.pop(summary + part).items()})
        about_itself = {family: count for family, count in series.items()
                        if family.startswith(("hopscope_", "process_")) or
                        family in ("int_reports_total", "int_events_total")}
        self.assertEqual(about_itself, {family: len(found[family]) for family in found
                                        if family in about_itself})
        self.assertLess(set(found), set(series))
        self.assertEqual(about_itself["hopscope_sink_info"], 3)

    def scraped(self, config, base):
        """What /metrics of a collector shows."""
        collector = subprocess.Popen([HOPSCOPE, "run", "--config", config],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def page():
                with contextlib.suppress(OSError):
                    return get(base + "/metrics")
            return wait_for("the collector", page)
        finally:
            collector.terminate()
            collector.wait(timeout=60)

    def test_the_scrape_job_is_one_that_prometheus_takes(self):
        promtool = server("promtool")
        if promtool is None:
            self.skipTest("no promtool")
        job = os.path.join(os.path.dirname(__file__), "../../conf/prometheus/prometheus.yml")
        done = subprocess.run([promtool, "check", "config", job], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(job) as f:
            self.assertIn(self.good("dump").stdout.split("listen: ")[2].split()[0].strip('"'),
                          f.read(), "the default address")

    def test_to_the_standard_output(self):
        capture, _ = self.generate("--count", 100)
        events = self.good("replay", "--events", "-", capture)
        for line in events.stdout.splitlines():
            json.loads(line)
        self.assertIn("frames", events.stderr, "the summary is out of the way")
        self.assertIn("int_reports_total", self.good("replay", "--metrics", "-", capture).stdout)
        self.assertIn("decoded", self.good("replay", capture).stdout)

    def test_decode_prints_a_line_per_datagram(self):
        capture, _ = self.generate("--count", 50, "--hops", 3)
        with open(capture, "rb") as f:
            whole = f.read()
        self.path("other.pcap", pcap([b"\0" * 12 + b"\x08\x06" + b"\0" * 46]))
        done = self.good("decode", capture, self.path("other.pcap"))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), 50)
        self.assertTrue(all(len(line["report"]["inner"]["int"]["hops"]) == 3 for line in lines))
        self.assertIn("1 frames were not datagrams to a report port", done.stderr)
        everything = self.good("decode", "--all", capture, self.path("other.pcap")).stdout
        self.assertEqual(len(everything.splitlines()), 51)
        cut = self.path("cut.pcap", whole[:-5])
        done = self.good("decode", cut)
        self.assertEqual(len(done.stdout.splitlines()), 49)
        self.assertIn("cut.pcap", done.stderr)

    def test_decode_filters_and_prints_for_people(self):
        capture, _ = self.generate("--count", 200, "--hops", 3, "--flows", 20)
        lines = [json.loads(line) for line in self.good("decode", capture).stdout.splitlines()]
        inner = lines[0]["report"]["inner"]
        address, port = inner["ip"]["src"], inner["l4"]["sport"]
        node = inner["int"]["hops"][2]["node_id"]

        def of_flow(line):
            here = line["report"]["inner"]
            return (here["ip"]["src"], here["l4"]["sport"]) == (address, port)

        def through(line):
            return any(hop["node_id"] == node for hop in line["report"]["inner"]["int"]["hops"])

        def filtered(*conditions):
            options = [word for condition in conditions for word in ("--filter", condition)]
            return [json.loads(line)
                    for line in self.good("decode", *options, capture).stdout.splitlines()]

        self.assertEqual(filtered(f"flow={address}:{port}"), [x for x in lines if of_flow(x)])
        self.assertEqual(filtered(f"switch={node}"), [x for x in lines if through(x)])
        self.assertEqual(filtered(f"switch={node}", f"flow={address}:{port}", "version=1.0"),
                         [x for x in lines if through(x) and of_flow(x)])
        self.assertEqual(filtered("version=2.0"), [])
        text = self.good("decode", "--format", "text", capture).stdout
        self.assertEqual(text.count("Telemetry Report 1.0"), 200)
        self.assertIn(f"hops[2]  node_id {node}", text)
        for wrong in ("version=3", "switch=x", "flow=host", "colour=red", "flow=::1:99999"):
            done = hopscope("decode", "--filter", wrong, capture)
            self.assertEqual(done.returncode, 2, wrong)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_custom_header(self):
        """27 bytes after the header of UDP port 8192 with a wrong checksum, as docs/formats.md has it."""
        with open(os.path.join(os.path.dirname(__file__), "../../docs/formats.md")) as f:
            example = f.read().split("```yaml\nformats:")[1].split("```")[0]
        config = self.path("own.yaml", "formats:" + example)
        self.good("check", "--offline", "--config", config)

        def frame(path, index, dropped, time, checksum=0xBEEF):
            header = (path.to_bytes(3, "big") + bytes([index]) + (1 << 100).to_bytes(16, "big") +
                      bytes([dropped]) + time.to_bytes(6, "big"))
            self.assertEqual(len(header), 27)
            return udp_frame(8192, header + b"hello", checksum)

        frames = [frame(7, 255 - i % 3, i % 5 == 0, 1000 * i) for i in range(60)]
        capture = self.path("own.pcap", pcap(frames))
        metrics, events = self.path("metrics"), self.path("events")
        found = self.replay(capture, "--config", config, "--metrics", metrics, "--events", events)
        self.assertEqual((found["frames"], found["decoded"], found["dropped"]), (60, 60, {}))
        with open(metrics) as f:
            values = parse_metrics(f.read())
        self.assertEqual(len(values["service_chain_reports_total"]), 3)
        self.assertEqual(total(values, "service_chain_reports_total"), 60)
        self.assertEqual(total(values, "service_chain_drops_total"), 12)
        self.assertEqual(total(values, "hopscope_format_records_total"), 60)
        self.assertEqual(total(values, "hopscope_checksum_errors_total"), 120)
        with open(events) as f:
            lines = [json.loads(line) for line in f]
        self.assertEqual([line["kind"] for line in lines].count("new_key"), 3)
        drops = [line for line in lines if line["kind"] == "drop"]
        self.assertEqual([line["switch_time"] for line in drops], [5000 * i for i in range(12)])
        self.assertEqual(drops[0]["key"], {"service_path_id": 7, "service_index": 255})
        decoded = [json.loads(line) for line in
                   self.good("decode", "--config", config, capture).stdout.splitlines()]
        self.assertEqual(decoded[2]["fields"],
                         {"service_path_id": 7, "service_index": 253, "context":
                          "0x10000000000000000000000000", "dropped": 0, "timestamp": 2000})

    def test_sources_of_a_capture_and_of_a_collector(self):
        capture, made = self.generate("--format", "report20-md", "--count", 3000, "--loss", 0.01)
        senders = json.loads(self.good("sources", "--json", capture).stdout)
        self.assertEqual(sum(sender["reports"] for sender in senders), made["frames"])
        self.assertEqual(sum(sender["missing"] for sender in senders),
                         made["sequences"]["missing"])
        self.assertEqual({sender["versions"] for sender in senders}, {"2.0"})
        lines = self.good("sources", capture).stdout.splitlines()
        self.assertEqual(len(lines), 1 + len(senders))
        self.assertTrue(lines[0].startswith("SOURCE"))
        with open(os.path.join(DATA, "vectors.json")) as f:
            vector = next(v for v in json.load(f) if v["name"] == "dev_onos_tr10_dqf_shift_ver0")
        onos = self.path("onos.pcap", pcap([bytes.fromhex(vector["hex"])] * 30))
        ports = self.path("ports.yaml", json.dumps({"decode": {
            "report_udp_port": vector["config"].get("report_udp_port", 32766)}}))
        sender = json.loads(self.good("sources", "--json", "--config", ports, onos).stdout)[0]
        self.assertLessEqual({"dqf_before_reserved", "int10_version_0"}, set(sender["deviations"]))
        nobody = hopscope("sources", "--url", "http://127.0.0.1:9")
        self.assertEqual((nobody.returncode, nobody.stdout), (1, ""))
        self.assertEqual(len(nobody.stderr.splitlines()), 1)

    def test_at_the_captured_speed(self):
        capture, made = self.generate("--count", 200, "--rate", 1000)
        for speed in ("captured", 4):
            found = self.replay(capture, "--speed", speed)
            self.assertEqual(found["decoded"], made["frames"])
            wanted = 0.199 / (1 if speed == "captured" else speed)
            self.assertGreaterEqual(found["seconds"], wanted)

    def test_wrong_use_is_one_line_and_exit_code_2(self):
        capture, _ = self.generate("--count", 10)
        bad = self.path("bad.yaml", "decode: {int_dscp: 99}\nnonsense: 1\n")
        for arguments in (["nonsense"], ["replay"], ["replay", self.path("none.pcap")],
                          ["replay", "--speed", "-1", capture], ["replay", "--nonsense", capture],
                          ["replay", "/etc/passwd"], ["decode", "/etc/passwd"],
                          ["run"], ["run", "--config", self.path("none.yaml")],
                          ["generate", "--hops", 99]):
            with self.subTest(arguments=arguments):
                done = hopscope(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertGreater(len(done.stderr), 0)
        self.assertIn("no subcommand nonsense;", hopscope("nonsense").stderr)
        for command in (["replay", "--config", bad, capture], ["decode", "--config", bad, capture],
                        ["check", "--config", bad], ["run", "--config", bad],
                        ["dump", "--config", bad]):
            with self.subTest(command=command):
                done = hopscope(*command)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"{bad}:1:20: decode.int_dscp:", done.stderr)
                self.assertIn(f"{bad}:2:1: nonsense:", done.stderr)

    def test_a_spool_with_records_of_other_settings_is_not_taken(self):
        capture = os.path.join(self.directory, "r.pcap")
        hopscope("generate", "--output", capture, "--count", 200)
        config = os.path.join(self.directory, "c.yaml")
        sink = {"name": "away", "url": f"http://127.0.0.1:{free_port()}", "database": "d",
                "delivery": {"stop_timeout": "0s",
                             "spool": {"directory": os.path.join(self.directory, "spool")}}}

        def replay(precision):
            with open(config, "w") as f:
                json.dump({"export": {"influxdb": [{**sink, "precision": precision}]}}, f)
            return hopscope("replay", "--config", config, "--push", capture)
        self.assertIn("wait in the spool for the next run", replay("ns").stderr)
        done = replay("ms")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^hopscope: \S+\.segment holds records for influxdb ns, this "
                         r"sink makes such for influxdb ms: [^\n]+\n$")
        self.assertIn("wait in the spool for the next run", replay("ns").stderr)

    def test_output_that_cannot_be_written_is_told(self):
        capture, _ = self.generate("--count", 1000)
        for option in ("--events", "--metrics", "--summary"):
            with self.subTest(option=option):
                done = hopscope("replay", option, "/dev/full", capture)
                self.assertEqual(done.returncode, 1)
                self.assertIn("could not be written", done.stderr)
        with open("/dev/full", "w") as full:
            done = subprocess.run([HOPSCOPE, "decode", capture], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)

    def test_output_that_cannot_be_opened_is_told_at_once(self):
        capture, made = self.generate("--count", 1000)
        os.mkfifo(self.path("fifo"))
        for option in ("--events", "--metrics", "--summary"):
            for path in (self.path("none/file"), self.directory, capture):
                with self.subTest(option=option, path=path):
                    done = hopscope("replay", option, path, capture)
                    self.assertEqual(done.returncode, 2)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        done = hopscope("replay", "--events", self.path("fifo"), capture)
        self.assertNotEqual(done.returncode, 0, "nobody reads the FIFO")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(self.replay(capture)["frames"], made["frames"], "it is still there")

    def test_a_capture_through_a_pipe(self):
        capture, made = self.generate("--count", 1000)
        summary = self.path("piped.json")
        with open(capture, "rb") as f:
            done = subprocess.run([HOPSCOPE, "replay", "--summary", summary, "/dev/stdin"],
                                  input=f.read(), capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(summary) as f:
            self.assertEqual(json.load(f)["frames"], made["frames"])

    def test_a_full_disk_is_told(self):
        done = hopscope("generate", "--count", 100_000, "--output", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/dev/full", done.stderr)

    def test_check_and_dump(self):
        config = self.path("mine.yaml", "receive: {interface: eth7}\ndecode: {int_dscp: 0x20}\n")
        self.assertIn("good", self.good("check", "--offline", "--config", config).stdout)
        dumped = self.good("dump", "--config", config).stdout
        self.assertIn("interface: eth7", dumped)
        self.assertIn("int_dscp: 0x20", dumped)
        again = self.path("again.yaml", dumped)
        self.assertEqual(self.good("dump", "--config", again).stdout, dumped)

    def test_help_is_there_for_everything(self):
        text = self.good("--help").stdout
        for command in ("run", "replay", "decode", "generate", "check", "dump"):
            self.assertIn(command, text)
            self.assertIn("--", self.good(command, "--help").stdout)
        self.assertRegex(self.good("--version").stdout, r"^hopscope \d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
