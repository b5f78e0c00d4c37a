"""A kernel for the guest, from Debian's trixie-backports.

virtio-net takes AF_XDP sockets with zero-copy from Linux 6.13 on; Debian 12 has an older one. apt
works on a state of its own here, below the cache directory: neither the sources nor the packages of
the machine change, and root is not needed. What was fetched once is used again without a network."""

import os
import re
import subprocess

SUITE = "trixie-backports"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
OLDEST = (6, 18)
PACKAGE = re.compile(r"^linux-image-((\d+)\.(\d+)\.(\d+)\+deb\d+)(-cloud)?-amd64$")


class Unavailable(Exception):
    """It cannot be had here; the text says why."""


def kernel(cache, flavour="cloud", series=None):
    """The directory of an unpacked kernel package: boot/, and lib/ or usr/lib/ with its modules.

    Of the series from 6.18 on the oldest that there is, or `series` ("7.0"); of that the newest
    release. Raises Unavailable."""
    cache = os.path.abspath(cache)  # apt takes relative names for others
    os.makedirs(cache, exist_ok=True)
    name = choose(os.listdir(cache), flavour, series)
    if name is None:
        name = fetch_kernel(cache, flavour, series)
    return os.path.join(cache, name)


def choose(names, flavour, series):
    """The package to take of these names, or None."""
    found = []
    for name in names:
        match = PACKAGE.match(name)
        if not match or bool(match[5]) != (flavour == "cloud"):
            continue
        version = tuple(int(match[i]) for i in (2, 3, 4))
        if series and version[:2] != tuple(int(part) for part in series.split(".")):
            continue
        if version >= OLDEST:
            found.append((version, name))
    if not found:
        return None
    oldest = min(version[:2] for version, _ in found)
    return max(entry for entry in found if entry[0][:2] == oldest)[1]


def fetch_kernel(cache, flavour, series):
    apt = isolated_apt(cache)
    call("apt-get", *apt, "-o", "APT::Update::Error-Mode=any", "update")
    listed = call("apt-cache", *apt, "search", "--names-only", "^linux-image-[0-9].*-amd64$")
    names = [line.split()[0] for line in listed.splitlines()]
    name = choose(names, flavour, series)
    if name is None:
        raise Unavailable(f"no {flavour} kernel {series or 'from 6.18 on'} in {SUITE}")
    print(f"fetching {name}", flush=True)
    download = os.path.join(cache, "download")
    os.makedirs(download, exist_ok=True)
    call("apt-get", *apt, "download", name, cwd=download)
    package = next(file for file in os.listdir(download) if file.startswith(name + "_"))
    # Renamed when it is whole, so that a run that was broken off leaves no half of a kernel.
    unpacked = os.path.join(cache, name)
    call("dpkg-deb", "-x", os.path.join(download, package), unpacked + ".new")
    os.rename(unpacked + ".new", unpacked)
    os.remove(os.path.join(download, package))
    return name


def isolated_apt(cache):
    """Options that give apt a state of its own with trixie-backports as its only source."""
    state = os.path.join(cache, "apt")
    for directory in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(state, directory), exist_ok=True)
    sources = os.path.join(state, "sources.list")
    with open(sources, "w") as f:
        f.write(f"deb [signed-by={KEYRING}] {debian_mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::Lists": os.path.join(state, "lists"),
        "Dir::Cache": os.path.join(state, "cache"),
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    return [argument for name, value in options.items() for argument in ("-o", f"{name}={value}")]


def debian_mirror():
    """Where this machine gets its own release from; the same place has the other suites."""
    targets = call("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)",
                   "Created-By: Packages")
    for line in targets.splitlines():
        release, uri = line.split()
        if re.fullmatch(r"[a-z]+", release):
            return uri
    raise Unavailable("apt has no source of Debian on this machine")


def call(*command, cwd=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not come to an end") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise Unavailable(f"{command[0]} fails: {lines[0]}")
    return done.stdout
