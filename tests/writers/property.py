"""Random archives by Python's zipfile and by Info-ZIP, converted, and read back by tarfile, GNU tar and bsdtar.

    python3 property.py RECOMPRESS [--seed N] [--count N]

One archive a seed, from N on. What must come out is what the writer was given, not what some reader finds in the zip.
Says what went wrong with the smallest archive that shows it, and how to see it again; exits 1.
"""

import argparse
import calendar
import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field, replace

ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC")
LETTERS = "abcXYZ019 ._-=~éß日😀"
SIGNATURES = [b" PK\3\4", b" PK\7\x08", b" PK\1\2", b" PK\5\6", b" PK\6\x08"]


@dataclass
class Member:
    name: str
    contents: bytes | None  # None: a directory
    time: tuple
    level: int | None  # None: stored
    mode: int
    is_link: bool = False
    force_zip64: bool = False
    comment: bytes = b""

    def __repr__(self):
        size = "directory" if self.contents is None else f"{len(self.contents)} bytes"
        return f"{self.name!r} ({size}, level {self.level}, mode {self.mode:o}, {self.time}, zip64 {self.force_zip64})"


@dataclass
class Archive:
    writer: str
    members: list
    comment: bytes = b""
    options: list = field(default_factory=list)


def archive_of(seed):
    chance = random.Random(seed)
    writer = chance.choice(["zipfile to a file", "zipfile to a pipe", "Info-ZIP to a file", "Info-ZIP to a pipe"])
    count = chance.randrange(8)
    members = [member(chance, number, writer) for number in range(count)]
    comment = bytes(chance.choices(range(32, 256), k=chance.randrange(30)))
    options = [chance.choice(["-0", "-1", "-6", "-9"])]
    options += [option for option in ["-X", "-D", "-y", "-fz", "-fd", "-UN=UTF8"] if chance.random() < 0.25]
    is_plain = writer == "Info-ZIP to a file" and "-fd" not in options
    if not is_plain or not any(member.contents is not None and not member.is_link for member in members):
        # Info-ZIP's -fz then refers to a zip64 end record that it does not write, which is refused as bad_eocd.
        options = [option for option in options if option != "-fz"]
    if not is_plain:
        options = [option for option in options if option != "-y"]  # links it writes with sizes in front or not at all
    return Archive(writer, members, comment, options)


def member(chance, number, writer):
    """Names end in a number or, of directories, a letter: no two are one, nothing is both a file and a directory."""
    folders = [
        "d" * chance.randrange(50, 120) if chance.random() < 0.2 else text(chance, 8) + chance.choice("abc")
        for _ in range(chance.randrange(4))
    ]
    base = "n" * chance.randrange(90, 160) if chance.random() < 0.2 else text(chance, 12)
    kind = chance.choices(["file", "directory", "link"], [8, 1, 1])[0]
    name = "/".join([*folders, f"{base}{number}"])
    contents = None if kind == "directory" else b"nowhere/in particular" if kind == "link" else contents_of(chance)
    year = chance.randrange(1980, 2038)
    time = (year, chance.randrange(1, 13), chance.randrange(1, 29), *(chance.randrange(n) for n in (24, 60)), chance.randrange(30) * 2)
    return Member(
        name=name,
        contents=contents,
        time=time,
        level=chance.choice([None, 1, 6, 9]),
        # The user of this script must be able to read the files.
        mode=0o600 | chance.randrange(0o1000),
        is_link=kind == "link",
        force_zip64=chance.random() < 0.2,
        comment=bytes(chance.choices(range(32, 256), k=chance.randrange(20))),
    )


def text(chance, most):
    return "".join(chance.choices(LETTERS, k=chance.randrange(most)))


def contents_of(chance):
    pieces = [
        lambda: chance.randbytes(chance.randrange(3000)),
        lambda: bytes([chance.randrange(256)]) * chance.randrange(200_000),
        lambda: chance.choice(SIGNATURES),
    ]
    return b"".join(chance.choice(pieces)() for _ in range(chance.randrange(4)))


class Unseekable(io.RawIOBase):
    def __init__(self):
        self.written = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.written += data
        return len(data)


def zipfile_writes(archive):
    out = io.BytesIO() if archive.writer.endswith("file") else Unseekable()
    with zipfile.ZipFile(out, "w") as writer:
        writer.comment = archive.comment
        for member in archive.members:
            info = zipfile.ZipInfo(member.name + "/" * (member.contents is None), member.time)
            info.external_attr = (member.mode | (0o120000 if member.is_link else 0)) << 16
            info.comment = member.comment
            if member.level is not None:
                info.compress_type = zipfile.ZIP_DEFLATED
                info._compresslevel = member.level
            if member.contents is None:
                writer.writestr(info, b"")
                continue
            with writer.open(info, "w", force_zip64=member.force_zip64) as stream:
                middle = len(member.contents) // 2
                stream.write(member.contents[:middle])
                stream.write(member.contents[middle:])
    return out.getvalue() if isinstance(out, io.BytesIO) else bytes(out.written)


def info_zip_writes(archive, room):
    tree = os.path.join(room, "tree")
    os.mkdir(tree)
    for member in archive.members:
        path = os.path.join(tree, member.name)
        os.makedirs(path if member.contents is None else os.path.dirname(path), exist_ok=True)
        if member.contents is None:
            continue
        if member.is_link:
            os.symlink(member.contents, path)
        else:
            with open(path, "wb") as file:
                file.write(member.contents)
        seconds = calendar.timegm((*member.time, 0, 0, 0))
        os.utime(path, (seconds, seconds), follow_symlinks=False)
    out = os.path.join(room, "written.zip") if archive.writer.endswith("file") else "-"
    zipped = run(["zip", "-qr", *archive.options, out, "."], cwd=tree)
    return zipped if out == "-" else read(out)


def expected_of(archive):
    """Path to contents, None for a directory, and to seconds since 1970 where they are sure."""
    expected, times = {}, {}
    info_zip = archive.writer.startswith("Info-ZIP")
    for member in archive.members:
        # Without -y, Info-ZIP follows links, and these lead nowhere.
        if info_zip and member.is_link and "-y" not in archive.options:
            continue
        # With -D it leaves out directories.
        if not (info_zip and member.contents is None and "-D" in archive.options):
            expected[member.name] = member.contents
            # Without extra fields, which -X leaves out, seconds are even; with them they are exact. These are both.
            if not info_zip or not (member.is_link or member.contents is None):
                times[member.name] = calendar.timegm((*member.time, 0, 0, 0))
    for name in [*expected, *(member.name for member in archive.members if info_zip and "-D" not in archive.options)]:
        while "/" in name:
            name = name.rpartition("/")[0]
            expected[name] = None
    return expected, times


def run(command, **options):
    done = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **options)
    if done.returncode != 0 or done.stderr:
        raise Problem(f"{command[0]} ends with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Problem(Exception):
    pass


def check(archive, recompress):
    with tempfile.TemporaryDirectory(prefix="recompress-property-") as room:
        zip_path, tar_path = os.path.join(room, "in.zip"), os.path.join(room, "out.tar")
        expected, times = expected_of(archive)
        if archive.writer.startswith("zipfile"):
            zipped = zipfile_writes(archive)
        elif expected:
            zipped = info_zip_writes(archive, room)
        else:
            return  # Info-ZIP does not write an archive of nothing
        with open(zip_path, "wb") as file:
            file.write(zipped)
        run([recompress, "--streamed", "--quality", "1", zip_path, "-o", tar_path + ".br"])
        run(["brotli", "-d", tar_path + ".br", "-o", tar_path])
        compare("tarfile", expected, tarfile_reads(tar_path, archive, times))
        compare("GNU tar", expected, extracted(["tar", "--warning=no-timestamp", "-xf"], tar_path, os.path.join(room, "gnu")))
        compare("bsdtar", expected, extracted(["bsdtar", "-xf"], tar_path, os.path.join(room, "bsd")))


def tarfile_reads(tar_path, archive, times):
    found = {}
    order = []
    with tarfile.open(tar_path, "r:") as tar:
        for info in tar:
            name = info.name.removeprefix("./")
            if name in found:
                raise Problem(f"tarfile finds {name!r} twice")
            if not (info.isfile() or info.isdir()):
                raise Problem(f"tarfile finds {name!r} of type {info.type}")
            if name in times and info.mtime != times[name]:
                raise Problem(f"{name!r} has time {info.mtime}, not {times[name]}")
            found[name] = tar.extractfile(info).read() if info.isfile() else None
            order.append(name)
    found.pop(".", None)
    if archive.writer.startswith("zipfile") and order != [member.name for member in archive.members]:
        raise Problem(f"the members are in another order: {order}")
    # The directories that only names tell of.
    for name in [*found]:
        while "/" in name:
            name = name.rpartition("/")[0]
            found.setdefault(name, None)
    return found


def extracted(command, tar_path, folder):
    os.mkdir(folder)
    run([*command, tar_path, "-C", folder])
    found = {}
    for here, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(here, name)
            if os.path.islink(path):
                raise Problem(f"{path} is a link")
            found[os.path.relpath(path, folder)] = None if name in folders else read(path)
    return found


def compare(reader, expected, found):
    if expected == found:
        return
    differing = {name for name in {*expected, *found} if expected.get(name, 0) != found.get(name, 0)}
    short = lambda members, name: "nothing" if name not in members else "a directory" if members[name] is None else f"{len(members[name])} bytes"
    lines = [f"  {name!r}: written {short(expected, name)}, read {short(found, name)}" for name in sorted(differing)]
    raise Problem("\n".join([f"{reader} reads something else", *lines]))


def problem_of(archive, recompress):
    try:
        check(archive, recompress)
    except Problem as problem:
        return problem


def smallest(archive, problem, recompress):
    """Leaves out members, and halves of their contents, while something goes wrong."""
    made_smaller = True
    while made_smaller:
        made_smaller = False
        without = [replace(archive, members=archive.members[:i] + archive.members[i + 1 :]) for i in range(len(archive.members))]
        halved = [
            replace(archive, members=[*archive.members[:i], replace(member, contents=half), *archive.members[i + 1 :]])
            for i, member in enumerate(archive.members)
            if member.contents and not member.is_link
            for half in (member.contents[: len(member.contents) // 2], member.contents[-(len(member.contents) // 2) :])
            if half != member.contents
        ]
        for candidate in without + halved:
            if found := problem_of(candidate, recompress):
                archive, problem, made_smaller = candidate, found, True
                break
    return archive, problem


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("recompress")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--count", type=int, default=100)
    given = arguments.parse_args()
    for seed in range(given.seed, given.seed + given.count):
        archive = archive_of(seed)
        if problem := problem_of(archive, given.recompress):
            archive, problem = smallest(archive, problem, given.recompress)
            print(f"{problem}\nby {archive.writer}, {archive.options}, comment {archive.comment}:", file=sys.stderr)
            for member in archive.members:
                print(" ", member, file=sys.stderr)
            print(f"again: python3 {sys.argv[0]} {given.recompress} --seed {seed} --count 1", file=sys.stderr)
            return 1
    print(f"{given.count} archives, from seed {given.seed}")
    return 0


sys.exit(main())
