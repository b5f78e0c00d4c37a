"""A laboratory for tests of the whole program: a network namespace with a veth pair, the collector on
one end, the generator on the other. Everything that is made here is removed, also after a failure.

The collector runs in the test's own namespace on a veth end that the laboratory made; no other
interface is touched. Servers listen on loopback ports that the kernel chose."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SKIPPED = 77
HOPSCOPE = os.environ.get("HOPSCOPE", "build/release/hopscope")


def server(name):
    """A server or tool of Debian's: where scripts/setup unpacked it, or installed. None if absent."""
    unpacked = os.path.join(os.environ.get("HOPSCOPE_SERVERS_DIR", ".cache/servers"), "usr/bin", name)
    return unpacked if os.access(unpacked, os.X_OK) else shutil.which(name)


def run(*command, check=True, **more):
    """Runs a command to its end and returns it; its output is in the exception if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=30):
    """Waits until condition() is true; how long it takes decides nothing but when to give up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise RuntimeError(f"gave up after {seconds} s: {what}")


def get(url, timeout=10):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


LINE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parse_metrics(text):
    """{name: {labels as a sorted tuple of pairs: value}}"""
    metrics = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, labels, value = LINE.match(line).groups()
        key = tuple(sorted(LABEL.findall(labels or "")))
        metrics.setdefault(name, {})[key] = float(value)
    return metrics


def total(metrics, name, **labels):
    """Sum over the series of `name` that have all of `labels`."""
    want = set(labels.items())
    return sum(v for key, v in metrics.get(name, {}).items() if want <= set(key))


def merged(old, new):
    """`new` over `old`, section by section."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{name: merged(old.get(name), value) for name, value in new.items()}}


class Lab:
    """A namespace with one end of a veth pair; the other end is ours."""

    def __init__(self, queues=1):
        self.namespace = f"hs-{os.getpid()}"
        self.collector_end = f"hsc{os.getpid()}"[:15]
        self.generator_end = f"hsg{os.getpid()}"[:15]
        self.queues = queues
        self.stack = contextlib.ExitStack()
        self.collectors = []

    def __enter__(self):
        if os.geteuid() != 0:
            skip("needs root for namespaces and XDP")
        made = run("ip", "netns", "add", self.namespace, check=False)
        if made.returncode != 0:
            skip(f"no network namespace: {made.stderr.strip()}")
        self.stack.callback(run, "ip", "netns", "del", self.namespace, check=False)
        try:
            self.make_pair()
            self.directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        except BaseException:
            self.stack.close()
            raise
        return self

    def make_pair(self):
        n = str(self.queues)
        run("ip", "link", "add", self.collector_end, "numrxqueues", n, "numtxqueues", n, "type",
            "veth", "peer", "name", self.generator_end, "numrxqueues", n, "numtxqueues", n, "netns",
            self.namespace)
        self.stack.callback(run, "ip", "link", "del", self.collector_end, check=False)
        run("ip", "link", "set", self.collector_end, "up")
        run("ip", "-n", self.namespace, "link", "set", self.generator_end, "up")
        # Nothing but the reports is to cross the pair.
        with contextlib.suppress(OSError):
            with open(f"/proc/sys/net/ipv6/conf/{self.collector_end}/disable_ipv6", "w") as f:
                f.write("1")
        run("ip", "netns", "exec", self.namespace, "sysctl", "-qw",
            "net.ipv6.conf.all.disable_ipv6=1", check=False)

    def set_mtu(self, mtu):
        """Of both ends; before a collector is there."""
        run("ip", "link", "set", self.collector_end, "mtu", str(mtu))
        run("ip", "-n", self.namespace, "link", "set", self.generator_end, "mtu", str(mtu))

    def __exit__(self, *_):
        for collector in self.collectors:
            collector.kill()
        self.stack.close()

    def path(self, name):
        return os.path.join(self.directory, name)

    def config(self, **sections):
        """Writes a configuration and returns its path. YAML is a superset of JSON."""
        config = {
            "receive": {"source": "af_xdp", "interface": self.collector_end},
            "workers": [{"queue": q} for q in range(self.queues)],
            "export": {"http": {"listen": f"127.0.0.1:{free_port()}"}},
        }
        for name, section in sections.items():
            config[name] = merged(config.get(name), section)
        path = self.path(f"hopscope-{free_port()}.yaml")
        with open(path, "w") as f:
            json.dump(config, f, indent=1)
        return path

    def collector(self, config):
        collector = Collector(config, self)
        self.collectors.append(collector)
        return collector

    def generate(self, *arguments, timeout=300):
        """Runs the generator on the far end; returns its summary."""
        done = run("ip", "netns", "exec", self.namespace, HOPSCOPE, "generate", "--interface",
                   self.generator_end, *map(str, arguments), timeout=timeout)
        return json.loads(done.stdout)

    def start_generate(self, *arguments):
        """The same without waiting for its end; the caller ends it."""
        return subprocess.Popen(["ip", "netns", "exec", self.namespace, HOPSCOPE, "generate",
                                 "--interface", self.generator_end, *map(str, arguments)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send(self, frames):
        """Puts frames on the far end as they are."""
        program = ("import socket, sys\n"
                   "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
                   f"s.bind(({self.generator_end!r}, 0))\n"
                   "for line in sys.stdin: s.send(bytes.fromhex(line))\n")
        run("ip", "netns", "exec", self.namespace, sys.executable, "-c", program,
            input="".join(frame.hex() + "\n" for frame in frames))

    def xdp_attached(self):
        return "xdp" in run("ip", "link", "show", self.collector_end).stdout


class Collector:
    """A running `hopscope run`, ready to receive."""

    def __init__(self, config, lab):
        with open(config) as f:
            self.base = "http://" + json.load(f)["export"]["http"]["listen"]
        self.log = open(lab.path(f"collector-{free_port()}.log"), "w+")
        self.process = subprocess.Popen([HOPSCOPE, "run", "--config", config], stdout=self.log,
                                        stderr=subprocess.STDOUT)
        wait_for("the collector to be ready", self.ready)

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the collector ended with {self.process.returncode}\n{self.output()}")
        try:
            get(self.base + "/readyz", timeout=2)
            return True
        except OSError:
            return False

    def output(self):
        self.log.flush()
        with open(self.log.name) as f:
            return f.read()

    def metrics(self):
        return parse_metrics(get(self.base + "/metrics"))

    def settled_metrics(self):
        """The metrics once no more frames come in."""
        last = None
        while True:
            now = self.metrics()
            received = total(now, "hopscope_frames_received_total")
            if received == last:
                return now
            last = received
            time.sleep(0.3)

    def terminate(self):
        """SIGTERM; returns (exit status, seconds it took)."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=30)
        return status, time.monotonic() - start

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
