"""Real stores on loopback ports, for tests: started, killed, started again, asked."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from lab import free_port, server, wait_for


class Store:
    """A server process; `data` survives kill() and start()."""

    program = ""

    def __init__(self, directory):
        self.directory = os.path.join(directory, type(self).__name__)
        os.makedirs(self.directory, exist_ok=True)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.process = None

    def arguments(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def start(self):
        log = open(os.path.join(self.directory, "log"), "a")
        self.process = subprocess.Popen([server(self.program), *self.arguments()], stdout=log,
                                        stderr=log)
        log.close()
        wait_for(f"{self.program} to answer", self.answers, seconds=60)

    def answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.directory, "log")) as log:
                raise RuntimeError(f"{self.program} ended:\n{log.read()[-2000:]}")
        try:
            return self.is_ready()
        except OSError:
            return False

    def kill(self):
        """As a power cut would; nothing if it does not run."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def ask(self, path, **parameters):
        url = f"{self.base}{path}?" + urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read().decode()


class InfluxDb(Store):
    program = "influxd"

    def arguments(self):
        config = os.path.join(self.directory, "influxdb.conf")
        rpc = free_port()
        with open(config, "w") as f:
            f.write(f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{self.directory}/meta"
[data]
  dir = "{self.directory}/data"
  wal-dir = "{self.directory}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
[monitor]
  store-enabled = false
""")
        return ["-config", config]

    def is_ready(self):
        self.ask("/ping")
        return True

    def create(self, database):
        body = urllib.parse.urlencode({"q": f'CREATE DATABASE "{database}"'}).encode()
        urllib.request.urlopen(f"{self.base}/query", data=body, timeout=60).close()

    def query(self, database, text):
        """[{"name": measurement, "tags": {}, "columns": [], "values": [[]]}], times in ns"""
        answer = json.loads(self.ask("/query", db=database, q=text, epoch="ns"))["results"][0]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("series", [])

    def points(self, database, measurement):
        """Each point as a dict, its time as "time"."""
        return [{name: value for name, value in zip(series["columns"], values)
                 if value is not None}
                for series in self.query(database, f'SELECT * FROM "{measurement}"')
                for values in series["values"]]

    def count(self, database, measurement, field):
        series = self.query(database, f'SELECT count("{field}") FROM "{measurement}"')
        return series[0]["values"][0][1] if series else 0


class VictoriaMetrics(Store):
    program = "victoria-metrics"

    def arguments(self):
        return [f"-storageDataPath={self.directory}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y", "-search.latencyOffset=0s"]

    def is_ready(self):
        return self.ask("/health") == "OK"

    def series(self, match):
        """[({label: value}, {time in ms: value})], everything that is stored, each once"""
        urllib.request.urlopen(f"{self.base}/internal/force_flush", timeout=60).close()
        lines = self.ask("/api/v1/export", **{"match[]": match, "reduce_mem_usage": "1"})
        found = {}
        for line in lines.splitlines():
            one = json.loads(line)
            # A series has several lines where it was written several times.
            series = found.setdefault(json.dumps(one["metric"], sort_keys=True), (one["metric"], {}))
            series[1].update(zip(one["timestamps"], one["values"]))
        return list(found.values())


class Prometheus(Store):
    """With its receiver for remote write."""

    program = "prometheus"

    def arguments(self):
        config = os.path.join(self.directory, "prometheus.yml")
        with open(config, "w") as f:
            f.write("{}\n")
        return [f"--config.file={config}", f"--storage.tsdb.path={self.directory}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=100y"]

    def is_ready(self):
        return "Ready" in self.ask("/-/ready")

    def samples(self, name, start_s, end_s):
        """Values of each series in the order of their times, as they are stored"""
        answer = json.loads(self.ask("/api/v1/query", query=f"{name}[{end_s - start_s}s]",
                                     time=end_s))
        return [[float(value) for _, value in one["values"]] for one in answer["data"]["result"]]

    def counted(self, name, start_s, end_s):
        """What counters of that name counted together, starts anew included"""
        return sum(value - before if value >= before else value
                   for values in self.samples(name, start_s, end_s)
                   for before, value in zip([0, *values], values))
