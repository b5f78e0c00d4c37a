"""The guest's only file system: an initramfs of busybox, programs with their libraries, modules of
the kernel, and `init`. Written as a cpio archive of the format newc."""

import gzip
import lzma
import os
import re
import stat
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Image:
    def __init__(self):
        self.files = {}  # path without the leading / : (mode, bytes)

    def directory(self, path):
        if path and path not in self.files:
            self.directory(os.path.dirname(path))
            self.files[path] = (stat.S_IFDIR | 0o755, b"")

    def file(self, path, data, mode=0o755):
        path = path.lstrip("/")
        self.directory(os.path.dirname(path))
        self.files[path] = (stat.S_IFREG | mode, data)

    def copy(self, source, path=None):
        with open(source, "rb") as f:
            self.file(path or source, f.read())

    def program(self, source, path):
        """A program, and the libraries and the loader that ldd names, where it names them."""
        self.copy(source, path)
        done = subprocess.run(["ldd", source], capture_output=True, text=True)
        if done.returncode == 0:  # else it is linked statically
            for library in re.findall(r"(/\S+) \(0x", done.stdout):
                self.copy(library)

    def modules(self, kernel, names):
        """Modules and those that they depend on, in the order in which they can be loaded."""
        found = {}
        for directory, _, files in os.walk(kernel):
            for file in files:
                match = re.match(r"(.+)\.ko(\.xz)?$", file)
                if match:
                    found[match[1].replace("-", "_")] = os.path.join(directory, file)
        order = []

        def add(name):
            path = found.get(name)
            if path is None or name in order:  # not a module: it is in the kernel
                return
            with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
                data = f.read()
            # The section .modinfo is strings, each ended by a zero.
            for needed in re.search(rb"\0depends=([^\0]*)\0", data)[1].decode().split(","):
                add(needed.replace("-", "_"))
            order.append(name)
            self.file(f"modules/{name}.ko", data)

        for name in names:
            add(name)
        self.file("modules/order", "\n".join(order + [""]).encode())

    def write(self, path):
        with gzip.open(path, "wb", compresslevel=1) as archive:
            for number, (name, (mode, data)) in enumerate(self.files.items(), 1):
                entry(archive, name, number, mode, data)
            entry(archive, "TRAILER!!!", 0, 0, b"")


def entry(archive, name, number, mode, data):
    encoded = name.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device x 2, special device x 2, name's size, check
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    archive.write(header + bytes(-len(header) % 4))
    archive.write(data + bytes(-len(data) % 4))


def build(path, kernel, busybox, programs, modules):
    """Writes the initramfs. `programs` go to /bin by their file names."""
    image = Image()
    for directory in ("proc", "sys", "dev", "tmp", "bin"):
        image.directory(directory)
    image.program(busybox, "bin/busybox")
    for program in programs:
        image.program(program, "bin/" + os.path.basename(program))
    image.modules(kernel, modules)
    image.copy(os.path.join(HERE, "init"), "init")
    image.write(path)
