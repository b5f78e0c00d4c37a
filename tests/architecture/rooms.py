"""The rooms of src/ and the arrows between them: reads src/rooms.txt and every #include line.

Used by rooms_test.py, which fails for what mistakes() finds, and by scripts/rooms, which draws them.
"""

import pathlib
import re

CODE_SUFFIXES = {".h", ".cpp", ".c", ".proto"}
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


class Table:
    """src/rooms.txt: which rooms each room may include, and on which line that stands."""

    def __init__(self, path):
        self.name = path.name
        self.rooms = {}
        self.lines = {}
        self.mistakes = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            room, colon, allowed = line.partition(":")
            where = f"{path.name}:{number}"
            if not colon:
                self.mistakes.append(f"{where}: is not of the form `room: rooms that it may include`")
                continue
            if room in self.rooms:
                self.mistakes.append(f"{where}: {room} is listed twice")
            self.rooms[room] = allowed.split()
            self.lines[room] = number

    def where(self, room):
        return f"{self.name}:{self.lines[room]}"

    def allowed_text(self, room):
        return f"{room} may include: {', '.join(self.rooms[room]) or 'no other room'}"

    def cycle(self):
        """The rooms of one cycle, the first again at the end; empty: there is none."""
        done = set()

        def search(room, path):
            if room in path:
                return path[path.index(room):] + [room]
            if room in done or room not in self.rooms:
                return []
            for below in self.rooms[room]:
                found = search(below, path + [room])
                if found:
                    return found
            done.add(room)
            return []

        for room in self.rooms:
            found = search(room, [])
            if found:
                return found
        return []

    def level(self, room):
        """1 for a room that includes no other, else one above the highest that it may include."""
        return 1 + max((self.level(below) for below in self.rooms[room]), default=0)

    def direct(self, room):
        """The rooms that it may include, without those that one of the others includes anyway."""
        def reach(start):
            found = set(self.rooms[start])
            for below in self.rooms[start]:
                found |= reach(below)
            return found

        beyond = set().union(*(reach(below) for below in self.rooms[room]))
        return [below for below in self.rooms[room] if below not in beyond]


def room_of(source, path):
    """The room of a file: its folder in src/; `main` for src/main.cpp."""
    folder = path.parent.relative_to(source).as_posix()
    return "main" if folder == "." else folder


def code_files(source):
    return sorted(path for path in source.rglob("*") if path.suffix in CODE_SUFFIXES)


def includes_of(path):
    """(line number, included name) of each #include line of a file."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def table_mistakes(table, rooms_with_code):
    mistakes = list(table.mistakes)
    order = list(table.rooms)
    for room, allowed in table.rooms.items():
        if room not in rooms_with_code:
            mistakes.append(f"{table.where(room)}: {room} holds no code")
        for below in allowed:
            if below not in table.rooms:
                mistakes.append(f"{table.where(room)}: {room} lists {below}, which is no room")
            elif order.index(below) > order.index(room):
                mistakes.append(f"{table.where(room)}: {room} may include {below}, which is listed "
                                "after it: the lowest room is first")
    cycle = table.cycle()
    if cycle:
        mistakes.append(f"{table.where(cycle[0])}: the rooms go in a circle: {' -> '.join(cycle)}")
    return mistakes


def arrow_mistakes(source, table):
    """Include lines that break an arrow, then arrows that no include line uses."""
    mistakes = []
    used = set()
    for path in code_files(source):
        room = room_of(source, path)
        if room not in table.rooms:
            continue
        for number, name in includes_of(path):
            target = source / name
            # What is generated, from a .proto or a BPF program, stands in no room or in its own.
            other = room_of(source, target)
            if other == room or other not in table.rooms or (other == "main" and "/" not in name):
                continue
            used.add((room, other))
            if other not in table.rooms[room]:
                mistakes.append(f"{source.name}/{path.relative_to(source)}:{number} includes {name}: "
                                f"{table.allowed_text(room)}")
    for room, allowed in table.rooms.items():
        for below in allowed:
            if below in table.rooms and (room, below) not in used:
                mistakes.append(f"{table.where(room)}: {room} includes nothing of {below}: "
                                "remove it from the line")
    return mistakes


def readme_mistakes(source, rooms):
    """Rooms and wings, the folders above them, that do not say what they are."""
    folders = set()
    for room in rooms - {"main"}:
        parts = room.split("/")
        folders |= {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return [f"{source.name}/{folder}: has no README.md" for folder in sorted(folders)
            if not (source / folder / "README.md").is_file()]


def mistakes(source):
    """Everything that is wrong with the rooms of the tree at `source`, one line each."""
    table = Table(source / "rooms.txt")
    with_code = {room_of(source, path) for path in code_files(source)}
    unlisted = [f"{source.name}/{room}: holds code and is not listed in {table.name}"
                for room in sorted(with_code - set(table.rooms))]
    return (table_mistakes(table, with_code) + unlisted + arrow_mistakes(source, table) +
            readme_mistakes(source, with_code))
