"""The verdict on a conversion, by readers that are not ours: zipfile for the zip, tarfile for the tarball.

    python3 oracle.py IN.zip OUT.tar

Prints the members, `SHA-256 NAME` a line (`directory NAME` for a directory), and exits 0 if both archives have just the
same ones in the same order; else says what differs, and exits 1.
"""

import hashlib
import sys
import tarfile
import zipfile


def name_of(info):
    """As UTF-8 where it is so: several writers do not set the flag (general purpose bit 11), and zipfile then takes
    CP437, whatever the name's bytes look like."""
    if info.flag_bits & 0x800:
        return info.filename
    raw = info.orig_filename.encode("cp437")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return info.filename


def plain(name):
    """Without a leading `./`, which says nothing."""
    return name.removeprefix("./")


def digest(stream):
    return hashlib.file_digest(stream, "sha256").hexdigest()


def zip_members(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = name_of(info)
            if info.is_dir():
                yield "directory", plain(name)
            else:
                with archive.open(info) as contents:
                    yield digest(contents), plain(name)


def tar_members(path):
    # "r:" is a plain tarball: had it been compressed twice, that would be an error here
    with tarfile.open(path, "r:") as archive:
        for info in archive:
            if info.isdir():
                yield "directory", plain(info.name + "/")
            elif info.isfile():
                yield digest(archive.extractfile(info)), info.name
            else:
                yield f"type {info.type}", info.name


def main(zip_path, tar_path):
    expected = list(zip_members(zip_path))
    found = list(tar_members(tar_path))
    for wanted in expected:
        print(*wanted)
    if expected == found:
        return 0
    for wanted in expected:
        if wanted not in found:
            print("missing from the tarball:", *wanted, file=sys.stderr)
    for member in found:
        if member not in expected:
            print("only in the tarball:", *member, file=sys.stderr)
    if sorted(expected) == sorted(found):
        print("the order differs", file=sys.stderr)
    return 1


sys.exit(main(*sys.argv[1:]))
