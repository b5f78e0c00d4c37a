"""Servers that the tests start themselves: on loopback ports, with their data in a directory of the
test, stopped by their process and nothing else. And a collector that replays a capture for them."""

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from lab import HOPSCOPE, free_port, get, merged, run, wait_for

CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../conf")


def answers(url):
    try:
        get(url, timeout=2)
        return True
    except OSError:
        return False


class Server:
    """A process that is up once `ready` answers."""

    def __init__(self, command, ready, log, seconds=60, **more):
        self.log = open(log, "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, **more)
        try:
            wait_for(f"{ready} of {command[0]}", lambda: self.alive() and answers(ready), seconds)
        except BaseException:
            self.stop()
            raise

    def alive(self):
        if self.process.poll() is None:
            return True
        with open(self.log.name) as f:
            raise RuntimeError(f"ended with {self.process.returncode}\n{f.read()[-4000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class QueryApi:
    """Prometheus's, which others have too."""

    def __init__(self, base):
        self.base = base

    def call(self, path, **parameters):
        """`data` of the answer; an error is an exception with the server's words."""
        body = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.base}/api/v1/{path}?{body}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path} {parameters}: {error.read().decode()}") from error

    def query(self, expression):
        """{labels without those of the scrape as a sorted tuple: value}"""
        return {tuple(sorted((k, v) for k, v in one["metric"].items()
                             if k not in ("__name__", "job", "instance"))): float(one["value"][1])
                for one in self.call("query", query=expression)["result"]}


def copy_with(source, target, replacements):
    """A shipped file with some values changed; each must be there."""
    with open(source) as f:
        text = f.read()
    for old, new in replacements.items():
        if old not in text:
            raise RuntimeError(f"{source} has no {old!r}")
        text = text.replace(old, new)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w") as f:
        f.write(text)
    os.chmod(target, os.stat(source).st_mode)
    return target


class Replay(Server):
    """A collector that replays a capture as fast as it was captured, serves /metrics, and pushes to
    the sinks of its configuration."""

    def __init__(self, directory, config, *generate):
        self.listen = f"127.0.0.1:{free_port()}"
        capture = os.path.join(directory, "replay.pcap")
        path = os.path.join(directory, "replay.yaml")
        self.made = json.loads(run(HOPSCOPE, "generate", "--output", capture, *generate).stdout)
        with open(path, "w") as f:
            json.dump(merged(config, {"export": {"http": {"listen": self.listen}}}), f)
        super().__init__([HOPSCOPE, "replay", "--config", path, "--http", "--push", "--speed",
                          "captured", "--events", os.path.join(directory, "events.json"), capture],
                         f"http://{self.listen}/readyz", os.path.join(directory, "replay.log"))


class UdpCollector(Server):
    """`hopscope run` on a UDP socket of the loopback interface: no root needed."""

    def __init__(self, directory, config=None):
        self.listen, self.port = f"127.0.0.1:{free_port()}", free_port()
        path = os.path.join(directory, "collector.yaml")
        with open(path, "w") as f:
            json.dump(merged({"receive": {"source": "udp", "udp": {"listen": "127.0.0.1"}},
                              "decode": {"report_udp_port": self.port},
                              "export": {"http": {"listen": self.listen}}}, config or {}), f)
        super().__init__([HOPSCOPE, "run", "--config", path], f"http://{self.listen}/readyz",
                         os.path.join(directory, "collector.log"))
