#!/usr/bin/env python3
"""The HTTP side of the whole program against clients that are honest, wrong, slow and hostile: TLS,
client certificates, passwords and tokens, limits, secrets, and what docs/http.md tells to write, with
a real Prometheus."""

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from lab import HOPSCOPE, free_port, parse_metrics, run, server, total, wait_for  # noqa: E402
from prometheus_test import Prometheus  # noqa: E402

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "http.md")
PASSWORD = "correct horse battery"
TOKEN = "tok-4711-secret"


class Pki:
    """An authority, a server's certificate for the loopback, and clients' of this and of another."""

    def __init__(self, directory):
        self.directory = directory
        self.authority("ca")
        self.authority("other-ca")
        self.certificate("tls", "ca", "DNS:localhost,DNS:collector,IP:127.0.0.1")
        self.certificate("client", "ca", "DNS:prometheus")
        self.certificate("stranger", "other-ca", "DNS:prometheus")

    def path(self, name):
        return os.path.join(self.directory, name)

    def authority(self, name):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"),
            "-out", self.path(f"{name}.crt"))

    def certificate(self, name, authority, names):
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out",
            self.path(f"{name}.csr"))
        with open(self.path("names"), "w") as f:
            f.write(f"subjectAltName={names}\n")
        run("openssl", "x509", "-req", "-in", self.path(f"{name}.csr"), "-days", "2", "-CA",
            self.path(f"{authority}.crt"), "-CAkey", self.path(f"{authority}.key"),
            "-CAcreateserial", "-extfile", self.path("names"), "-out", self.path(f"{name}.crt"))

    def client(self, trusted="ca", certificate=None):
        context = ssl.create_default_context(cafile=self.path(f"{trusted}.crt"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.crt"),
                                    self.path(f"{certificate}.key"))
        return context


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Collector:
    """`hopscope run` on a UDP socket of the loopback: without root."""

    def __init__(self, test, text, port):
        self.port = port
        self.log_path = test.path(f"log-{port}")
        self.config = test.write(f"hopscope-{port}.yaml", text)
        self.log_file = open(self.log_path, "w")
        self.process = subprocess.Popen([HOPSCOPE, "run", "--config", self.config],
                                        stdout=self.log_file, stderr=self.log_file)
        test.addCleanup(self.log_file.close)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        # It serves before it receives, and until then /readyz says 503.
        wait_for("the collector", lambda: "receiving on" in self.log() or self.gone())
        if self.gone():
            raise RuntimeError(self.log())

    def gone(self):
        return self.process.poll() is not None

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def hang_up(self):
        """SIGHUP; returns when it was heard."""
        heard = self.log().count("SIGHUP")
        self.process.send_signal(signal.SIGHUP)
        wait_for("SIGHUP to be heard", lambda: self.log().count("SIGHUP") > heard)

    def ask(self, path, headers={}, tls=None):
        """(status, headers, body) on a connection of its own."""
        connection = (http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=tls)
                      if tls else http.client.HTTPConnection("127.0.0.1", self.port, timeout=20))
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()

    def metrics(self, **more):
        status, _, body = self.ask("/metrics", **more)
        assert status == 200, (status, body)
        return parse_metrics(body)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def received(one):
    """All that comes until the other side hangs up, however it does."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := one.recv(65536):
            got += piece
    return got


class HttpSecurityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.pki = Pki(directory.name)

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", opener=lambda p, f: os.open(p, f, mode)) as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def config(self, port, **http):
        return json.dumps({
            "receive": {"source": "udp", "udp": {"listen": "127.0.0.1"}},
            "decode": {"report_udp_port": free_port()},
            "export": {"http": {"listen": f"127.0.0.1:{port}", **http}}})

    def collector(self, **http):
        port = free_port()
        return Collector(self, self.config(port, **http), port)

    def tls(self, **more):
        return {"certificate": self.pki.path("tls.crt"), "key": self.pki.path("tls.key"), **more}

    def users(self):
        return [{"name": "prometheus", "password_file": self.write("password", PASSWORD + "\n")}]

    # TLS

    def test_tls(self):
        collector = self.collector(tls=self.tls())
        status, _, body = collector.ask("/metrics", tls=self.pki.client())
        self.assertEqual(status, 200)
        self.assertIn("hopscope_frames_received_total 0", body)
        with self.assertRaises(ssl.SSLCertVerificationError):
            collector.ask("/metrics", tls=self.pki.client(trusted="other-ca"))
        status, _, body = collector.ask("/metrics")  # plain HTTP
        self.assertEqual(status, 400)
        self.assertNotIn("hopscope_", body)
        # A connection is kept: two scrapes, one handshake.
        connection = http.client.HTTPSConnection("127.0.0.1", collector.port, timeout=20,
                                                 context=self.pki.client())
        with contextlib.closing(connection):
            for _ in range(2):
                connection.request("GET", "/metrics")
                self.assertIn("hopscope_build_info", connection.getresponse().read().decode())
                self.assertIsNotNone(connection.sock)
        refused = "hopscope_http_connections_refused_total"
        self.assertGreaterEqual(total(collector.metrics(tls=self.pki.client()), refused,
                                      reason="tls"), 1)

    def test_least_version(self):
        collector = self.collector(tls=self.tls(min_version="1.3"))
        old = self.pki.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            collector.ask("/metrics", tls=old)
        self.assertEqual(collector.ask("/metrics", tls=self.pki.client())[0], 200)

    def test_client_certificate(self):
        collector = self.collector(tls=self.tls(client_ca=self.pki.path("ca.crt")))
        self.assertEqual(collector.ask("/metrics", tls=self.pki.client(certificate="client"))[0],
                         200)
        for wrong in (None, "stranger"):
            with self.subTest(certificate=wrong), self.assertRaises(OSError):
                collector.ask("/metrics", tls=self.pki.client(certificate=wrong))
        for path in ("/healthz", "/readyz"):
            with self.subTest(path=path), self.assertRaises(OSError):
                collector.ask(path, tls=self.pki.client())

    def test_open_probes(self):
        collector = self.collector(tls=self.tls(client_ca=self.pki.path("ca.crt")),
                                   auth={"users": self.users(), "open_probes": True})
        stranger, client = self.pki.client(), self.pki.client(certificate="client")
        for path in ("/healthz", "/readyz"):
            self.assertEqual(collector.ask(path, tls=stranger)[0], 200)
        good = basic("prometheus", PASSWORD)
        self.assertEqual(collector.ask("/metrics", good, tls=stranger)[0], 403)
        self.assertEqual(collector.ask("/metrics", tls=client)[0], 401)
        self.assertEqual(collector.ask("/metrics", good, tls=client)[0], 200)
        with self.assertRaises(OSError):
            collector.ask("/healthz", tls=self.pki.client(certificate="stranger"))

    # Passwords and tokens

    def test_passwords_and_tokens(self):
        collector = self.collector(
            auth={"users": self.users(), "tokens": [{"token_file": self.write("token", TOKEN)}]})
        for path in ("/metrics", "/healthz", "/readyz", "/sources", "/", "/nothing"):
            for wrong in ({}, basic("prometheus", "wrong"), basic("", PASSWORD), bearer("wrong"),
                          bearer(PASSWORD), basic("prometheus", TOKEN),
                          {"Authorization": "Basic %%%%"}, {"Authorization": "Digest x"}):
                with self.subTest(path=path, headers=wrong):
                    status, headers, body = collector.ask(path, wrong)
                    self.assertEqual(status, 401)
                    self.assertIn("Basic realm=", headers["WWW-Authenticate"])
                    self.assertIn("Bearer realm=", headers["WWW-Authenticate"])
                    self.assertNotIn("hopscope_", body)
        for good in (basic("prometheus", PASSWORD), bearer(TOKEN)):
            self.assertEqual(collector.ask("/healthz", good)[0], 200)
        metrics = collector.metrics(headers=bearer(TOKEN))
        self.assertEqual(total(metrics, "hopscope_http_requests_total", code="401"), 48)

    def test_sighup_reads_passwords_and_certificates_again(self):
        password = self.write("password", PASSWORD)
        for name in ("tls.crt", "tls.key"):
            with open(self.pki.path(name)) as f:
                self.write(name, f.read())
        collector = self.collector(
            tls={"certificate": self.path("tls.crt"), "key": self.path("tls.key")},
            auth={"users": [{"name": "prometheus", "password_file": password}]})
        old, new = basic("prometheus", PASSWORD), basic("prometheus", "another one")

        def serial():
            context = self.pki.client()
            with collector.connect() as raw, context.wrap_socket(
                    raw, server_hostname="127.0.0.1") as one:
                return one.getpeercert()["serialNumber"]

        def status(credentials):
            return collector.ask("/metrics", credentials, tls=self.pki.client())[0]

        first = serial()
        self.assertEqual((status(old), status(new)), (200, 401))
        # Nothing changes where one of them is wrong, and the log says which.
        self.write("tls.crt", "no certificate")
        self.write("password", "another one\n")
        collector.hang_up()
        wait_for("the complaint", lambda: "stay as they were" in collector.log())
        self.assertIn(self.path("tls.crt"), collector.log())
        self.assertEqual((status(old), status(new), serial()), (200, 401, first))
        self.pki.certificate("renewed", "ca", "IP:127.0.0.1")
        for name in ("crt", "key"):
            with open(self.pki.path(f"renewed.{name}")) as f:
                self.write(f"tls.{name}", f.read())
        collector.hang_up()
        wait_for("the new certificate", lambda: serial() != first)
        self.assertEqual((status(old), status(new)), (401, 200))
        self.assertNotIn(PASSWORD, collector.log())
        self.assertNotIn("another one", collector.log())

    # Secrets

    def test_secrets_are_shown_nowhere(self):
        port = free_port()
        text = self.config(port, auth={
            "users": [{"name": "prometheus", "password_env": "HOPSCOPE_PASSWORD"}],
            "tokens": [{"token_file": self.write("token", TOKEN, mode=0o644)}]})
        config = self.write("c.yaml", text)
        environment = {**os.environ, "HOPSCOPE_PASSWORD": PASSWORD}
        for command in ("dump", "check"):
            done = run(HOPSCOPE, command, "--config", config, env=environment)
            self.assertNotIn(PASSWORD, done.stdout + done.stderr)
            self.assertNotIn(TOKEN, done.stdout + done.stderr)
        self.assertIn("password_env: HOPSCOPE_PASSWORD",
                      run(HOPSCOPE, "dump", "--config", config).stdout)
        os.environ["HOPSCOPE_PASSWORD"] = PASSWORD
        self.addCleanup(os.environ.pop, "HOPSCOPE_PASSWORD")
        collector = Collector(self, text, port)
        self.assertEqual(collector.ask("/metrics", basic("prometheus", PASSWORD))[0], 200)
        self.assertEqual(collector.ask("/metrics", bearer(TOKEN))[0], 200)
        self.assertIn(f"{self.path('token')} can be read by every user", collector.log())
        self.assertNotIn(PASSWORD, collector.log())
        self.assertNotIn(TOKEN, collector.log())

    def test_mistakes_have_their_place(self):
        text = "\n".join([
            "receive: {source: udp, udp: {listen: 127.0.0.1}}",
            "export:",
            "  http:",
            "    tls:",
            "      certificate: /nowhere/tls.crt",
            f"      key: {self.pki.path('tls.key')}",
            "    auth:",
            "      users:",
            "        - name: prometheus",
            "          password_file: /nowhere/password",
            "        - name: inline",
            "          password: hunter2",
            "      tokens:",
            "        - token_env: HOPSCOPE_NO_SUCH_VARIABLE",
            f"        - token_file: {self.write('lines', 'hunter2' + chr(10) + 'hunter3')}"])
        config = self.write("c.yaml", text)
        done = run(HOPSCOPE, "run", "--config", config, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("hunter", done.stderr)
        http_key = "export.http"
        for line, key, what in (
                (5, f"{http_key}.tls.certificate", "No such file"),
                (10, f"{http_key}.auth.users[0].password_file", "No such file"),
                (11, f"{http_key}.auth.users[1]", "needs password_file"),
                (12, f"{http_key}.auth.users[1].password", "unknown key"),
                (14, f"{http_key}.auth.tokens[0].token_env", "is not set"),
                (15, f"{http_key}.auth.tokens[1].token_file", "several lines")):
            self.assertRegex(done.stderr, re.compile(
                rf"^.*c\.yaml:{line}:\d+: {re.escape(key)}: .*{what}", re.MULTILINE))
        # Of a key that is another's, and of one that is none.
        for key in (self.pki.path("client.key"), self.write("none.key", "none")):
            config = self.write("k.yaml", self.config(free_port(), tls=self.tls(key=key)))
            done = run(HOPSCOPE, "check", "--config", config, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("export.http.tls: cannot use the key", done.stderr)
        # What only captures need does not look at the files.
        run(HOPSCOPE, "check", "--offline", "--config", config)

    def test_listening_to_the_network_is_warned_of_once(self):
        if run("unshare", "-rn", "true", check=False).returncode != 0:
            self.skipTest("no network namespace to listen in")
        port = free_port()
        config = self.write("c.yaml", self.config(port).replace(f"127.0.0.1:{port}",
                                                                f"0.0.0.0:{port}"))
        log = self.path("log")
        with open(log, "w") as f:
            process = subprocess.Popen(
                ["unshare", "-rn", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", HOPSCOPE,
                 "run", "--config", config], stdout=f, stderr=f)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def text():
            with open(log) as f:
                return f.read()

        wait_for("the start", lambda: "receiving on" in text() or process.poll() is not None)
        self.assertEqual(text().count(f"whoever reaches 0.0.0.0:{port} can read the metrics"), 1,
                         text())

    # Clients that mean no good

    def flood(self, collector, bad_clients, ask):
        """Opens what `bad_clients` makes, and in between, and with all open, an honest client."""
        opened = []
        self.addCleanup(lambda: [one.close() for one in opened])
        for i in range(600):
            opened.append(bad_clients(i))
            if i % 50 == 0:
                self.assertEqual(ask("/healthz"), 200)
        for _ in range(20):
            self.assertEqual(ask("/metrics"), 200)
            self.assertEqual(ask("/healthz"), 200)
        self.assertIsNone(collector.process.poll(), "it has ended")
        return opened

    def crowded_out(self, metrics):
        return total(metrics, "hopscope_http_connections_refused_total", reason="crowded_out")

    def test_idle_connections_keep_nobody_out(self):
        collector = self.collector(header_timeout="10m")
        self.flood(collector, lambda i: collector.connect(), lambda path: collector.ask(path)[0])
        self.assertGreaterEqual(self.crowded_out(collector.metrics()), 600 - 256)
        self.assertLessEqual(total(collector.metrics(), "hopscope_http_connections"), 256)

    def test_idle_connections_before_the_handshake(self):
        collector = self.collector(tls=self.tls(), header_timeout="10m")
        tls = self.pki.client()
        self.flood(collector, lambda i: collector.connect(),
                   lambda path: collector.ask(path, tls=tls)[0])
        self.assertGreaterEqual(self.crowded_out(collector.metrics(tls=tls)), 600 - 256)

    def test_kept_connections_keep_nobody_out(self):
        collector = self.collector()

        def kept(_):
            one = collector.connect()
            one.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", one.recv(65536))
            return one

        self.flood(collector, kept, lambda path: collector.ask(path)[0])

    def test_slow_loris(self):
        collector = self.collector(header_timeout="2s")
        start = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: "
        slow = [collector.connect() for _ in range(100)]
        for one in slow:
            one.sendall(start)
        ended = 0
        # A byte each, again and again, until each was refused: time is counted from the connection.
        for turn in range(100):
            for one in slow:
                with contextlib.suppress(OSError):
                    one.sendall(b"x")
            self.assertEqual(collector.ask("/healthz")[0], 200)
            self.assertEqual(collector.ask("/metrics")[0], 200)
            metrics = collector.metrics()
            ended = total(metrics, "hopscope_http_connections_refused_total",
                          reason="header_timeout")
            if ended == 100:
                break
            time.sleep(0.2)
        self.assertEqual(ended, 100)
        for one in slow:
            one.close()

    def test_clients_that_do_not_read(self):
        collector = self.collector(request_timeout="10m")
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

        def deaf(_):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.connect(("127.0.0.1", collector.port))
            with contextlib.suppress(ConnectionError):
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.send(request * 1000)
            return one

        deaf_clients = [deaf(i) for i in range(40)]
        for _ in range(20):
            self.assertEqual(collector.ask("/healthz")[0], 200)
        # A scrape gets its turn when one of those has read nothing for a second.
        def given_up():
            status, _, body = collector.ask("/metrics")
            return status == 200 and total(parse_metrics(body),
                                           "hopscope_http_connections_refused_total",
                                           reason="stalled") > 0

        wait_for("a scrape in the place of another", given_up)
        for one in deaf_clients:
            one.close()

    def test_garbage(self):
        for tls in (None, self.tls()):
            collector = self.collector(**({"tls": tls} if tls else {}))
            context = self.pki.client() if tls else None
            pieces = [b"\0" * 100, os.urandom(5000), b"\r\n" * 5000, b"GET", b"GET / HTTP/1.1\r\n",
                      b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x01" * 3000,
                      b"GET /" + b"a" * 10_000_000, b"A" * 1_000_000,
                      b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
                      b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                      b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 300,
                      b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
            for piece in pieces:
                with self.subTest(piece=piece[:20], tls=bool(tls)), collector.connect() as one:
                    with contextlib.suppress(OSError):
                        one.sendall(piece)
                        one.shutdown(socket.SHUT_WR)  # half-closed: it may still answer
                    received(one)
                with self.subTest(piece=piece[:20], tls=bool(tls), how="left"):
                    one = collector.connect()
                    with contextlib.suppress(OSError):
                        one.setblocking(False)
                        one.send(piece)
                    # Reset, not closed.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    one.close()
                if tls:
                    # The same inside of TLS.
                    with self.subTest(piece=piece[:20], how="inside"), collector.connect() as raw:
                        with contextlib.suppress(OSError):
                            with context.wrap_socket(raw, server_hostname="127.0.0.1") as one:
                                one.sendall(piece)
                                one.unwrap()
                self.assertEqual(collector.ask("/metrics", tls=context)[0], 200)
            collector.process.terminate()
            self.assertEqual(collector.process.wait(timeout=20), 0)

    def test_pipelined_and_half_closed(self):
        collector = self.collector()
        with collector.connect() as one:
            one.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            one.shutdown(socket.SHUT_WR)
            self.assertEqual(received(one).count(b"HTTP/1.1 200 OK"), 50)

    # The command that asks the collector, and the manual

    def test_sources_command(self):
        collector = self.collector(tls=self.tls(client_ca=self.pki.path("ca.crt")),
                                   auth={"users": self.users()})
        mine = ["--cert", self.pki.path("client.crt"), "--key", self.pki.path("client.key")]
        command = [HOPSCOPE, "sources", "--json"]
        done = run(*command, "--config", collector.config, *mine)
        self.assertEqual(json.loads(done.stdout), [])
        self.assertNotEqual(run(*command, "--config", collector.config, check=False).returncode, 0)
        url = ["--url", f"https://localhost:{collector.port}"]
        known = ["--user", "prometheus", "--password-file", self.path("password")]
        done = run(*command, *url, "--ca", self.pki.path("ca.crt"), *mine, *known)
        self.assertEqual(json.loads(done.stdout), [])
        for wrong in ([*url, *mine, *known], [*url, "--ca", self.pki.path("ca.crt"), *mine]):
            done = run(*command, *wrong, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertNotIn(PASSWORD, done.stderr)

    def test_what_the_manual_says(self):
        with open(DOCS) as f:
            text = f.read()
        blocks = {name: re.findall(rf"<!-- {name} -->\n```yaml\n(.*?)```", text, re.DOTALL)
                  for name in ("hopscope", "prometheus")}
        self.assertEqual([len(found) for found in blocks.values()], [2, 2])
        program = server("prometheus")
        if program is None:
            self.skipTest("no prometheus")
        for source, name in (("tls.crt", "tls.crt"), ("tls.key", "tls.key"),
                             ("ca.crt", "clients-ca.crt"), ("ca.crt", "hopscope-ca.crt"),
                             ("client.crt", "client.crt"), ("client.key", "client.key")):
            with open(self.pki.path(source)) as f:
                self.write(name, f.read())
        for name in ("prometheus.password", "hopscope.password"):
            self.write(name, PASSWORD + "\n")
        for name in ("token", "hopscope.token"):
            self.write(name, TOKEN + "\n")
        for ours, theirs in zip(blocks["hopscope"], blocks["prometheus"]):
            port = free_port()
            here = {"/etc/hopscope": self.directory, "/etc/prometheus": self.directory,
                    "0.0.0.0:9465": f"127.0.0.1:{port}", "collector:9465": f"localhost:{port}"}
            for old, new in here.items():
                ours, theirs = ours.replace(old, new), theirs.replace(old, new)
            more = (f"receive: {{source: udp, udp: {{listen: 127.0.0.1}}}}\n"
                    f"decode: {{report_udp_port: {free_port()}}}\n")
            collector = Collector(self, ours + more, port)
            self.assertNotIn("can be read", collector.log())
            with tempfile.TemporaryDirectory() as data:
                config = self.write(f"prometheus-{port}.yml",
                                    "global: {scrape_interval: 1s}\n" + theirs)
                prometheus = Prometheus(program, f"localhost:{port}", data, config=config)
                try:
                    wait_for("Prometheus", prometheus.ready, seconds=60)
                    wait_for("a scrape", lambda: prometheus.query("up"), seconds=60)
                    self.assertEqual(prometheus.query("up"), {(): 1})
                    self.assertEqual(prometheus.query("hopscope_frames_received_total"), {(): 0})
                    # It keeps its connection.
                    wait_for("three scrapes", lambda: prometheus.query(
                        "hopscope_http_requests_total{code='200'} >= 2"), seconds=60)
                    self.assertEqual(prometheus.query("hopscope_http_connections"), {(): 1})
                finally:
                    prometheus.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
