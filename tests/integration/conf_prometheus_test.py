#!/usr/bin/env python3
"""conf/prometheus and conf/grafana: promtool takes the rules and runs their unit tests; a real
Prometheus with the shipped configuration scrapes a collector under traffic, evaluates every rule,
and answers every query of every dashboard with something."""

import glob
import json
import math
import os
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from lab import free_port, run, server, skip, wait_for  # noqa: E402
from servers import CONF, QueryApi, Replay, Server, copy_with  # noqa: E402

DOCS = os.path.join(CONF, "../docs")
DASHBOARDS = sorted(glob.glob(os.path.join(CONF, "grafana/dashboards/*.json")))
RULES = sorted(glob.glob(os.path.join(CONF, "prometheus/rules/*.yml")))
RULE_TESTS = sorted(glob.glob(os.path.join(CONF, "prometheus/tests/*.yml")))

# What a replay has none of.
ABSENT = re.compile(r"hopscope_(xsk|xdp_verdicts)_")
# Labels and metrics that Prometheus itself adds.
OF_SCRAPE = {"instance", "job"}
SCRAPE = {"up": set(), "scrape_duration_seconds": set(), "scrape_samples_scraped": set()}
METRIC = re.compile(r"(?<![\w:$\"-])((?:int|hopscope|process|scrape)_\w+|up)(?![\w:]*\()"
                    r"(?:\s*\{([^}]*)\})?")
RECORDED = re.compile(r"\b[a-z_]+:\w+:\w+\b")
OR_NOTHING = " or on() vector(0)"


def text_of(path):
    with open(path) as f:
        return f.read()


def documented():
    """{metric: labels} by docs/metrics.md."""
    metrics = dict(SCRAPE)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", text_of(f"{DOCS}/metrics.md"), re.M)
    for name, kind, labels in rows:
        metrics[name] = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            metrics[name + "_bucket"] = metrics[name] | {"le"}
            metrics[name + "_sum"] = metrics[name + "_count"] = metrics[name]
    return metrics


def unknown_names(text, metrics):
    """What `text`, with expressions in it, takes for a metric or for its label and is none."""
    wrong = []
    for name, matchers in METRIC.findall(text):
        if name not in metrics:
            wrong.append(name)
            continue
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", matchers))
        wrong += [f"{name}{{{label}}}" for label in used - metrics[name] - OF_SCRAPE]
    return wrong


def panels(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def targets(dashboard):
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield panel, target


class FilesTest(unittest.TestCase):
    def test_promtool_takes_the_configuration_and_the_rules(self):
        done = run(server("promtool"), "check", "config", f"{CONF}/prometheus/prometheus.yml")
        self.assertEqual(len(re.findall(r"SUCCESS: \d+ rules found", done.stdout)), len(RULES))

    def test_the_unit_tests_of_the_rules_pass(self):
        run(server("promtool"), "test", "rules", *RULE_TESTS)

    def test_every_rule_has_a_unit_test_and_every_alert_one_where_it_fires(self):
        tests = "".join(map(text_of, RULE_TESTS))
        fires = set(re.findall(r"alertname: (\w+)\n +exp_alerts:", tests))
        self.assertEqual(set(self.alerts()), fires)
        # An alert's threshold is on a recorded value, or the value has a test of its own.
        alerts = text_of(f"{CONF}/prometheus/rules/alerts.yml")
        for name in re.findall(r"record: (\S+)", text_of(f"{CONF}/prometheus/rules/recording.yml")):
            self.assertTrue(name in tests or name in alerts, name)

    def test_every_alert_has_its_paragraph_in_the_docs(self):
        page = text_of(f"{DOCS}/monitoring.md")
        paragraphs = dict(re.findall(r"^### (\w+)\n\n?(.*?)(?=\n#|\Z)", page, re.M | re.S))
        self.assertEqual(set(paragraphs), set(self.alerts()))
        for name, paragraph in paragraphs.items():
            self.assertGreater(len(paragraph.split()), 20, name)
        for name, runbook in self.alerts().items():
            self.assertEqual(runbook, f"docs/monitoring.md#{name.lower()}")

    def test_every_metric_and_label_is_a_documented_one(self):
        metrics = documented()
        recorded = set(re.findall(r"record: (\S+)", "".join(map(text_of, RULES))))
        for path in RULES + RULE_TESTS:
            text = re.sub(r"^ *#.*", "", text_of(path), flags=re.M)
            # Names of groups and anchors look like metrics.
            text = re.sub(r"^ *(- name|runbook|summary):.*", "", text, flags=re.M)
            with self.subTest(file=path):
                self.assertEqual(unknown_names(RECORDED.sub("", text), metrics), [])
                self.assertLessEqual(set(RECORDED.findall(text)), recorded)
        for path in DASHBOARDS:
            dashboard = json.loads(text_of(path))
            for panel, target in targets(dashboard):
                with self.subTest(file=path, panel=panel["title"]):
                    self.assertEqual(unknown_names(target["expr"], metrics), [])

    def test_dashboards_are_whole(self):
        self.assertGreaterEqual(len(DASHBOARDS), 4)
        uids = {json.loads(text_of(path))["uid"] for path in DASHBOARDS}
        self.assertEqual(len(uids), len(DASHBOARDS))
        for path in DASHBOARDS:
            text = text_of(path)
            dashboard = json.loads(text)
            with self.subTest(file=path):
                names = [v["name"] for v in dashboard["templating"]["list"]]
                self.assertEqual(names[0], "datasource")
                self.assertEqual(len({p["id"] for p in panels(dashboard)}),
                                 len(list(panels(dashboard))))
                self.assertLessEqual(set(re.findall(r"/d/([\w-]+)", text)), uids)
                used = set(re.findall(r"var-(\w+)=", text))
                known = {v["name"] for other in DASHBOARDS
                         for v in json.loads(text_of(other))["templating"]["list"]}
                self.assertLessEqual(used, known)
                for panel, target in targets(dashboard):
                    self.assertEqual(target["datasource"]["uid"], "${datasource}", panel["title"])
                    self.assertIn("unit", panel["fieldConfig"]["defaults"], panel["title"])
                self.assertEqual(self.overlaps(dashboard), [])

    @staticmethod
    def overlaps(dashboard):
        taken, twice = {}, []
        for panel in panels(dashboard):
            at = panel["gridPos"]
            for x in range(at["x"], at["x"] + at["w"]):
                for y in range(at["y"], at["y"] + at["h"]):
                    if x >= 24 or taken.setdefault((x, y), panel["title"]) != panel["title"]:
                        twice.append((panel["title"], x, y))
        return twice

    @staticmethod
    def alerts():
        """{alert: its runbook}"""
        text = text_of(f"{CONF}/prometheus/rules/alerts.yml")
        return dict(re.findall(r"- alert: (\w+).*?runbook: (\S+)", text, re.S))


class Grafana:
    """As much of Grafana as turns a dashboard into queries: variables and macros."""

    SCRAPE_S = 1
    SPAN_S = 30

    def __init__(self, api):
        self.api = api

    def expand(self, expression, values):
        """As the Prometheus data source does: a choice of several is a regular expression."""
        known = {**values, "__interval": f"{self.SCRAPE_S}s", "__rate_interval": "5s",
                 "__range": f"{self.SPAN_S}s"}
        text = re.sub(r"\$\{?(\w+)\}?", lambda m: known[m.group(1)], expression)
        return text

    def variable(self, variable, values):
        """Values that its query offers."""
        query = self.expand(variable["query"]["query"], values)
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        found = self.api.call(f"label/{label}/values", **{"match[]": selector})
        if not found:
            raise AssertionError(f"variable {variable['name']}: {query} gives nothing")
        return found

    def choices(self, dashboard):
        """Assignments of all variables: All where that is offered, then first and last values."""
        chosen = []
        for pick in (None, 0, -1):
            values = {}
            for variable in dashboard["templating"]["list"]:
                if variable["type"] != "query":
                    continue
                offered = self.variable(variable, values)
                if pick is None and variable["includeAll"]:
                    values[variable["name"]] = variable["allValue"]
                elif variable["multi"]:
                    # Escaped twice: for the regular expression and for the string it is in.
                    values[variable["name"]] = re.escape(offered[pick or 0]).replace("\\", "\\\\")
                else:
                    values[variable["name"]] = offered[pick or 0]
            chosen.append(values)
        # Every value of what must be chosen, the rest All.
        single = [v for v in dashboard["templating"]["list"]
                  if v["type"] == "query" and not v["multi"]]
        for variable in single:
            for value in self.variable(variable, {}):
                chosen.append({**chosen[0], variable["name"]: value})
        return chosen

    def draw(self, target, expression):
        """[(labels, numbers)]: the series that a panel would draw; one without a number is none."""
        if target.get("instant"):
            result = self.api.call("query", query=expression)["result"]
            series = [(one["metric"], [float(one["value"][1])]) for one in result]
        else:
            now = time.time()
            result = self.api.call("query_range", query=expression, start=now - self.SPAN_S,
                                   end=now, step=self.SCRAPE_S)["result"]
            series = [(one["metric"], [float(v) for _, v in one["values"]]) for one in result]
        return [(labels, numbers) for labels, numbers in series if any(map(math.isfinite, numbers))]


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        # Five minutes of it; the tests need a part of one.
        nowhere = {"url": f"http://127.0.0.1:{free_port()}", "database": "hopscope"}
        # Beside the file that takes everything: what waits is in memory, and more than fits there.
        sinks = [{"name": "nowhere", **nowhere},
                 {"name": "spooled", **nowhere,
                  "delivery": {"batch_bytes": "4K", "memory_bytes": "8K",
                               "spool": {"directory": f"{cls.directory}/spool"}}}]
        cls.replay = Replay(cls.directory, {"switches": {"defaults": {"clock": "ptp"},
                                                         "by_id": {"1": {"name": "leaf-1.a"}}},
                                            "export": {"influxdb": sinks}},
                            "--count", "150000", "--rate", "500", "--flows", "60", "--switches",
                            "8", "--hops", "4", "--drops", "0.02", "--loss", "0.02",
                            "--path-changes", "0.02", "--congestion", "0.1", "--malformed", "0.05")
        cls.addClassCleanup(cls.replay.stop)
        port = free_port()
        config = copy_with(f"{CONF}/prometheus/prometheus.yml", f"{cls.directory}/prometheus.yml",
                           {"127.0.0.1:9465": cls.replay.listen, "scrape_interval: 10s":
                            "scrape_interval: 1s", "scrape_timeout: 9s": "scrape_timeout: 1s",
                            "evaluation_interval: 15s": "evaluation_interval: 1s"})
        for path in RULES:
            copy_with(path, f"{cls.directory}/rules/{os.path.basename(path)}", {})
        prometheus = Server([server("prometheus"), f"--config.file={config}",
                             f"--storage.tsdb.path={cls.directory}/data",
                             f"--web.listen-address=127.0.0.1:{port}"],
                            f"http://127.0.0.1:{port}/-/ready", f"{cls.directory}/prometheus.log")
        cls.addClassCleanup(prometheus.stop)
        cls.api = QueryApi(f"http://127.0.0.1:{port}")
        # Rates need two scrapes; the rarest thing that panels are about are gaps and drops.
        for thing in ("count_over_time(up[1m]) >= 10", "rate(int_packet_drops_total[1m])",
                      "rate(int_report_sequence_gaps_total[1m]) > 0",
                      "rate(int_flow_path_changes_total[1m]) > 0"):
            wait_for(thing, lambda query=thing: cls.replay.alive() and cls.api.query(query), 60)

    def test_capacities_are_those_of_the_configuration(self):
        tables = self.api.query("hopscope_table_capacity")
        shipped = text_of(f"{CONF}/hopscope.yaml")
        for table, key in (("flow_ipv4", "flows_ipv4"), ("flow_ipv6", "flows_ipv6"),
                           ("port", "ports"), ("switch", "switches"), ("link", "links"),
                           ("sequence", "sequences"), ("drop_reason", "drop_reasons"),
                           ("queue_overflow", "queue_overflow")):
            wanted = float(re.search(rf"^  {key}: (\d+)", shipped, re.M).group(1))
            self.assertEqual(tables[(("table", table),)], wanted)
        self.assertEqual(self.api.query("hopscope_healthy"), {(("check", "replay"),): 1})

    def test_every_rule_is_evaluated_and_alerts_see_what_is_there(self):
        def rules():
            return [rule for group in self.api.call("rules")["groups"] for rule in group["rules"]]

        wait_for("all rules to be evaluated",
                 lambda: all(rule["health"] != "unknown" for rule in rules()))
        self.assertEqual([(r["name"], r.get("lastError")) for r in rules() if r["health"] != "ok"],
                         [])
        recorded = [rule["name"] for rule in rules() if rule["type"] == "recording"]
        self.assertGreater(len(recorded), 5)
        for name in recorded:
            wait_for(f"{name} to be recorded", lambda: self.api.query(name))
        wanted = {"HopscopeFramesRefused", "IntReportLoss", "HopscopeSinkNotDelivering",
                  "HopscopeSinkBehind"}

        def active():
            alerts = [rule for rule in rules() if rule["type"] == "alerting" and rule["alerts"]]
            return {alert["name"]: alert["labels"]["severity"] for alert in alerts}

        wait_for(f"{wanted} to be pending", lambda: wanted <= set(active()))
        self.assertNotIn("critical", active().values())

    def test_sinks_are_drawn_as_they_are(self):
        collector, = (json.loads(text_of(path)) for path in DASHBOARDS if "-collector" in path)
        grafana = Grafana(self.api)
        (state,), (waiting,) = ([target["expr"] for panel, target in targets(collector)
                                 if panel["title"] == title]
                                for title in ("Sinks", "Sinks, waiting"))

        def newest(expression):
            expression = grafana.expand(expression, {"instance": ".*"})
            return {tuple(v for k, v in labels if k != "instance"): value
                    for labels, value in self.api.query(expression).items()}

        # By the mappings of the panel: ok, retrying, spooling.
        wait_for("the sinks' states", lambda: newest(state) ==
                 {("events",): 0, ("nowhere",): 1, ("spooled",): 2})
        records = newest(waiting)
        self.assertGreater(records["nowhere", "memory"], records["spooled", "memory"])
        self.assertGreater(records["spooled", "spool"], 0)
        self.assertEqual(records["nowhere", "spool"], 0)

    def test_values_of_sink_labels_are_served_ones(self):
        """Reasons, states and places that the rules, their tests and the dashboards name."""
        named = set(re.findall(r'(hopscope_sink_\w+)\{[^}]*\b(reason|state|where)=\\?"(\w+)',
                               "".join(map(text_of, RULES + RULE_TESTS + DASHBOARDS))))
        self.assertGreater(len(named), 5)
        served = {(name, label, value) for name, label, _ in named
                  for value in self.api.call(f"label/{label}/values", **{"match[]": name})}
        self.assertLessEqual(named, served)

    def test_no_query_of_a_dashboard_is_empty(self):
        grafana = Grafana(self.api)
        for path in DASHBOARDS:
            dashboard = json.loads(text_of(path))
            choices = grafana.choices(dashboard)
            for panel, target in targets(dashboard):
                expression = target["expr"]
                with self.subTest(dashboard=dashboard["uid"], panel=panel["title"],
                                  expr=expression):
                    for choice in choices:
                        self.assertTrue(grafana.draw(target, grafana.expand(expression, choice)),
                                        choice)
                    # What stands in for nothing must not hide that a query can find nothing, nor
                    # that it finds series without the labels that the legend names.
                    bare = expression.replace(OR_NOTHING, "")
                    if ABSENT.search(bare):
                        continue
                    legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                    drawn = [labels for choice in choices for labels, _ in
                             grafana.draw(target, grafana.expand(bare, choice))]
                    self.assertTrue(any(legend <= set(labels) for labels in drawn), legend)


if __name__ == "__main__":
    if server("prometheus") is None or server("promtool") is None:
        skip("no prometheus")
    unittest.main(verbosity=2)
