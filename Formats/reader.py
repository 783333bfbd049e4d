#!/usr/bin/env python3
"""A second reader of .pqx files, written from pqx-v1.md: slow, short, and without any code in common with the first.

    reader.py FILE summary                                  header, parameters and sections as JSON
    reader.py FILE verify                                   checks every byte; exit 1 and one line when damaged
    reader.py FILE search QUERIES.fvecs -k K --nprobe P [--rerank R] [--no-groups]
                                                            JSON: per query [[id, "bits of the f32 distance"], ...]

Exit codes: 0; 1 verify found damage; 64 usage; 65 bad data; 66 no input; 69 liblz4 is needed and missing.
Python 3.9 or newer; liblz4 only for files that have LZ4 frames. Section names in comments are those of pqx-v1.md.
"""
import argparse
import json
import math
import mmap
import os
import struct
import sys

import distances
from blocks import (
    Broken, MissingLibrary, check_brackets, coarse_groups, code_tiles, crc32c, finite, ids, lane_blocks, lz4_decompress,
    pieces, rows, salted, unit_vectors, up)

MAGIC = b"\x89PQX\r\n\x1a\n"
FOOTER_MAGIC = b"\x89PQXEND\n"
(CENTROIDS, CODEBOOKS, CODES, IDS, VECTORS, LISTS, FRAMES, PAGES, METADATA, GROUPS, CENTRE, CENTROID_PAGES,
 ROTATION) = range(1, 14)
NAMES = (" centroids codebooks codes ids vectors lists frames pages metadata groups centre centroidPages rotation"
         .split(" "))
OPTIONAL = (METADATA, GROUPS, CENTROID_PAGES)
ROTATED, BRACKETS = 1 << 0, 1 << 1  # incompatible features
METRICS = {1: "l2", 2: "ip", 3: "cosine"}
ROW_TYPES = {0: ("none", "", 0), 1: ("f32", "f", 4), 2: ("f16", "e", 2), 3: ("u8", "B", 1)}
PAGE = 4096


class Damage(Exception):
    """What is wrong with a file: `code` is one of the errors that pqx-v1.md names."""

    def __init__(self, code, place, offset, detail):
        super().__init__(f"{code}: {place}, byte offset {offset}: {detail}")
        self.code = code


class Failure(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Index:
    """An open file. Opening checks header, footer and section table; all else is checked when it is first used."""

    def __init__(self, data):
        self.data = data
        self.checked_pages, self.contents = set(), {}
        self.verifying_brackets = None  # centroids, codebooks and centre, where brackets are checked by them
        self.read_header()
        self.read_footer()
        self.read_section_table()

    # Reading, steps 1-3
    def read_header(self):
        data, length = self.data, len(self.data)
        head = data[:8]
        if head and head == MAGIC[: len(head)]:
            if length < 4096:
                raise Damage("truncated", "file", length, f"have {length} bytes, a header takes 4096")
        elif length >= 4096 and not data[:4096].strip(b"\0"):
            raise Damage("unfinished index", "header", 0, "the header is all zero")
        else:
            raise Damage("not a PQ index", "header", 0, f"magic bytes are {head.hex()}")
        (_, self.major, self.minor, self.e, self.compatible, self.read_compatible, incompatible, said, self.id,
         self.table_offset, self.section_count, self.table_crc) = struct.unpack_from("<8sHHI6QII", data)
        if self.major != 1:
            raise Damage("unsupported format version", "header", 8, f"version {self.major}.{self.minor}")
        self.check_crc("header", 0, data[:4092], struct.unpack_from("<I", data, 4092)[0])
        unknown = incompatible & ~(ROTATED | BRACKETS)
        if unknown:
            bit = (unknown & -unknown).bit_length() - 1
            raise Damage("unsupported feature", "header", 32, f"incompatible feature bit {bit}")
        if said != length:
            raise Damage("truncated", "file", min(said, length), f"have {length} bytes, the header says {said}")
        self.rotated, self.brackets = bool(incompatible & ROTATED), bool(incompatible & BRACKETS)
        self.check_parameters()
        self.field(32, not self.brackets or (self.residual and self.metric == "l2"), "brackets")
        self.field(32, not self.rotated or self.m, "rotation")
        self.footer_offset = length - 4096
        self.field(40, 8192 <= length <= 1 << 48 and self.footer_offset % (1 << self.e) == 0, "file length")
        self.field(48, self.id == crc32c(data[72:112]) << 32 | self.table_crc, "file id")
        self.field(64, self.section_count <= 64, "number of sections")
        self.table_end = self.table_offset + 32 * self.section_count
        self.field(56, self.table_offset % (1 << self.e) == 0 and 4096 <= self.table_offset
                   and self.table_end <= self.footer_offset, "section table's offset")
        self.zero("header", 112, 4092)

    def check_parameters(self):
        (self.n, self.first_id, self.dim, self.nlist, self.m, self.nbits, metric, residual, vectors, offset, ids,
         reserved) = struct.unpack_from("<QQIIIBBBBiB3s", self.data, 72)
        n, m = self.n, self.m
        self.field(12, 12 <= self.e <= 16, "alignment")
        self.field(72, n <= 1 << 40, "count")
        self.field(80, self.first_id + n < 1 << 64 and not (ids and self.first_id), "first id")
        self.field(88, 1 <= self.dim <= 65536, "dimension")
        self.field(96, m == 0 or self.dim % m == 0, "m")
        self.field(100, self.nbits == 0 if m == 0 else 1 <= self.nbits <= 16, "nbits")
        self.field(101, metric in METRICS, "metric")
        self.field(102, residual == 0 or (residual == 1 and m > 0 and self.nlist > 0), "residual")
        self.field(103, vectors in ROW_TYPES and (m > 0 or vectors > 0), "vectors")
        self.metric = METRICS[metric]
        self.field(103, vectors != 3 or self.metric != "cosine", "u8 vectors with cosine")
        self.field(104, offset == 0 or (offset == -128 and vectors == 3), "vector offset")
        self.field(108, ids == 1 or (ids == 0 and self.nlist == 0), "ids")
        self.field(109, reserved == bytes(3), "reserved bytes")
        self.residual, self.offset, self.stores_ids = bool(residual), offset, bool(ids)
        self.row_name, self.row_letter, size = ROW_TYPES[vectors]
        self.row_bytes = self.dim * size
        self.lists = max(1, self.nlist)
        self.sub = self.dim // m if m else 0
        # Code tiles
        half = pieces(m, 2)
        self.planes = (half if self.nbits <= 4 else m) + (0 if self.nbits <= 8 else half if self.nbits <= 12 else m)
        self.planes += self.brackets
        tiles = max(1, min(64, (1 << 20) // (64 * self.planes))) if m else 0
        self.per_frame = {CODES: 64 * tiles, IDS: 1024, VECTORS: max(1, 16384 // max(1, self.row_bytes))}
        self.kinds = [kind for kind, there in ((CODES, m > 0), (IDS, ids), (VECTORS, vectors > 0)) if there]

    # Step 4
    def read_footer(self):
        at = self.footer_offset
        footer = self.data[at:]
        self.check_crc("footer", at, footer[:4092], struct.unpack_from("<I", footer, 4092)[0])
        if footer[:24] != FOOTER_MAGIC + struct.pack("<QQ", len(self.data), self.id):
            raise Damage("invalid field", "footer", at, "magic bytes, length or file id")
        self.zero("footer", at + 24, at + 4092)

    # Steps 5-7
    def read_section_table(self):
        self.check_crc("section table", self.table_offset, self.data[self.table_offset:self.table_end], self.table_crc)
        self.sections, self.entries, end = {}, [], 4096
        for number in range(self.section_count):
            at = self.table_offset + 32 * number
            kind, flags, offset, length, crc, reserved = struct.unpack_from("<IIQQII", self.data, at)
            known = 1 <= kind < len(NAMES)
            place = f"section table entry {number} ({self.section_name(kind)})"
            if not known and not flags & 1:
                raise Damage("unsupported feature", place, at, "a required section of unknown kind")
            good = (flags >> 1 == 0 and reserved == 0 and (not known or flags == (kind in OPTIONAL))
                    and (crc == 0 or not CODES <= kind <= FRAMES) and kind not in self.sections
                    and offset >= end and offset % (1 << self.e) == 0 and offset + length <= self.table_offset)
            if not good:
                raise Damage("invalid section", place, at, f"flags {flags}, offset {offset}, length {length}")
            end = offset + length
            self.entries.append((kind, offset, length, crc))
            if known:
                self.sections[kind] = (offset, length, crc)
        wanted = {kind: None for kind in self.kinds}
        wanted.update({LISTS: 16 * self.lists, FRAMES: None, PAGES: None})
        may_be_absent = {METADATA, GROUPS, CENTROID_PAGES} if self.nlist else {METADATA}
        if self.nlist:
            wanted[CENTROIDS] = 64 * pieces(self.nlist, 16) * self.dim
            if CENTROID_PAGES in self.sections:
                wanted[CENTROID_PAGES] = 4 * pieces(wanted[CENTROIDS], PAGE)
        if self.m:
            wanted[CODEBOOKS] = self.m * 64 * pieces(1 << self.nbits, 16) * self.sub
        if self.rotated:
            wanted[ROTATION] = 64 * pieces(self.dim, 16) * self.dim
        if self.brackets:
            wanted[CENTRE] = 4 * self.dim
        for kind in wanted:
            if kind not in self.sections:
                raise Damage("invalid section", "section table", self.table_offset, f"{NAMES[kind]} is missing")
        for kind, (offset, length, _) in self.sections.items():
            bad = kind not in wanted and kind not in may_be_absent or wanted.get(kind) not in (None, length)
            if bad or (kind == FRAMES and length % 24):
                raise Damage("invalid section", f"section {NAMES[kind]}", offset, f"length {length}")
        if self.sections[FRAMES][1] // 24 > sum(self.n // self.per_frame[kind] + self.lists for kind in self.kinds):
            raise Damage("invalid section", "section frames", self.sections[FRAMES][0], "more frames than vectors can have")
        self.list_pages = pieces(self.sections[LISTS][1], PAGE)
        self.frame_count = self.sections[FRAMES][1] // 24
        offset, length, _ = self.sections[PAGES]
        if length != 4 * (self.list_pages + pieces(self.sections[FRAMES][1], PAGE)):
            raise Damage("invalid section", "section pages", offset, f"length {length}")
        self.page_crcs = None

    @staticmethod
    def section_name(kind):
        return NAMES[kind] if 1 <= kind < len(NAMES) else f"kind {kind}"

    def field(self, offset, good, name):
        if not good:
            raise Damage("invalid field", "header", offset, name)

    def zero(self, place, start, end, chunk=1 << 20):
        for at in range(start, end, chunk):
            if self.data[at:min(end, at + chunk)].strip(b"\0"):
                raise Damage("padding is not zero", place, at, f"{start}..<{end}")

    @staticmethod
    def check_crc(place, offset, data, expected):
        found = crc32c(data)
        if found != expected:
            raise Damage("checksum mismatch", place, offset, f"CRC-32C expected {expected:#010x}, found {found:#010x}")

    # Step 8
    def section(self, kind):
        offset, length, crc = self.sections[kind]
        data = self.data[offset:offset + length]
        self.check_crc(f"section {NAMES[kind]}", offset, data, crc)
        return data

    def decoded(self, kind, decode, *arguments):
        """What `decode` of blocks.py makes of a section."""
        place, offset = f"section {NAMES[kind]}", self.sections[kind][0]
        try:
            return decode(self.section(kind), *arguments)
        except Broken as error:
            raise Damage("padding is not zero" if error.padding else "invalid section", place, offset, error) from None

    def axes(self):
        return self.decoded(ROTATION, unit_vectors, self.dim) if self.rotated else []

    def centroids(self):
        return self.decoded(CENTROIDS, lane_blocks, 1, self.nlist, self.dim)[0] if self.nlist else []

    def codebooks(self):
        return self.decoded(CODEBOOKS, lane_blocks, self.m, 1 << self.nbits, self.sub) if self.m else []

    def groups(self):
        """Of each group its lists and its centroid; none where the file has no groups."""
        return self.decoded(GROUPS, coarse_groups, self.nlist, self.dim) if GROUPS in self.sections else []

    def centre(self):
        return self.decoded(CENTRE, finite) if self.brackets else []

    # Step 9, Directory
    def directory(self, kind, start, size):
        """Bytes of `lists` or `frames`, after a check of the pages that they lie in."""
        if self.page_crcs is None:
            self.page_crcs = struct.unpack(f"<{self.sections[PAGES][1] // 4}I", self.section(PAGES))
        offset, length, _ = self.sections[kind]
        for page in range(start // PAGE, pieces(start + size, PAGE)):
            if (kind, page) in self.checked_pages:
                continue
            data = self.data[offset + page * PAGE:offset + min(length, (page + 1) * PAGE)]
            if salted(data, kind, page, 0) != self.page_crcs[page + (self.list_pages if kind == FRAMES else 0)]:
                raise Damage("checksum mismatch", f"{NAMES[kind]}, page {page}", offset + page * PAGE, "CRC-32C")
            self.checked_pages.add((kind, page))
        return self.data[offset + start:offset + start + size]

    def frames_of(self, kind, count):
        return pieces(count, self.per_frame[kind]) if kind in self.kinds else 0

    def list_entry(self, number):
        count, first = struct.unpack("<QQ", self.directory(LISTS, 16 * number, 16))
        total = sum(self.frames_of(kind, count) for kind in self.kinds)
        if count > self.n or first + total > self.frame_count:
            raise Damage("invalid list", f"list {number}", self.sections[LISTS][0] + 16 * number,
                         f"{count} vectors, {total} frames from {first} on")
        return count, first, total

    # Step 10, Frames
    def frame(self, list_number, kind, number):
        """One frame: its entry (offset, planes, stored length, first id), its vectors, its raw bytes."""
        count, first, _ = self.list_entry(list_number)
        for earlier in self.kinds[:self.kinds.index(kind)]:
            first += self.frames_of(earlier, count)
        vectors = min(self.per_frame[kind], count - number * self.per_frame[kind])
        entry_at = 24 * (first + number)
        low, planes, length, crc, first_id = struct.unpack(
            "<6sHIIQ", self.directory(FRAMES, entry_at, 24))
        offset = int.from_bytes(low, "little")
        place = f"list {list_number}, {NAMES[kind][:-1]} frame {number}"

        def bad(detail, code="invalid frame"):
            return Damage(code, place, self.sections[FRAMES][0] + entry_at, detail)
        bracketed = kind == CODES and self.brackets
        minimum, step = struct.unpack("<ff", struct.pack("<Q", first_id))
        if planes > (8 if kind == IDS else 0) or (kind != IDS and not bracketed and first_id):
            raise bad(f"{planes} planes, first id {first_id}")
        if bracketed and not (math.isfinite(minimum) and math.isfinite(step) and step >= 0):
            raise bad(f"brackets from {minimum} in steps of {step}")
        raw = self.planes * up(vectors, 16) if kind == CODES else vectors * (planes if kind == IDS else self.row_bytes)
        if length != raw and not 1 <= length <= raw - pieces(raw, 8):
            raise bad(f"stored length {length}, raw {raw}")
        start, size, _ = self.sections[kind]
        if not start <= offset <= offset + length <= start + size or (kind != IDS and offset % 64):
            raise bad(f"{length} bytes at {offset}")
        stored = self.data[offset:offset + length]
        if salted(stored, kind, number, list_number) != crc:
            raise Damage("checksum mismatch", place, offset, "CRC-32C")
        data = stored if length == raw else lz4_decompress(stored, raw)
        if data is None:
            raise bad("not an LZ4 block of the raw length")
        try:
            if kind == CODES:
                content, brackets = code_tiles(data, vectors, self.m, self.nbits, self.brackets)
                if self.verifying_brackets:
                    centroids, codebooks, centre = self.verifying_brackets
                    check_brackets(content, brackets, minimum, step, centroids[list_number], codebooks, centre)
            elif kind == IDS:
                content = ids(data, vectors, planes, first_id)
            else:
                content = rows(data, self.dim, self.row_letter, self.offset)
        except Broken as error:
            raise bad(error, "padding is not zero" if error.padding else "invalid frame") from None
        return (offset, length), content

    def content(self, list_number, kind):
        """The codes, ids or rows of one list; read and checked once."""
        if (list_number, kind) not in self.contents:
            count, _, _ = self.list_entry(list_number)
            implicit = kind == IDS and not self.stores_ids
            self.contents[list_number, kind] = range(self.first_id, self.first_id + count) if implicit else [
                item for number in range(self.frames_of(kind, count))
                for item in self.frame(list_number, kind, number)[1]]
        return self.contents[list_number, kind]

    # Reading, "Verifying"
    def verify(self):
        end = 4096
        for kind, offset, length, crc in self.entries:
            self.zero("padding before section " + self.section_name(kind), end, offset)
            end = offset + length
            if not CODES <= kind <= FRAMES:
                self.check_crc(f"section {self.section_name(kind)}", offset, self.data[offset:end], crc)
            if kind == METADATA:
                try:
                    self.data[offset:end].decode("utf-8")
                except UnicodeDecodeError as error:
                    raise Damage("invalid section", "section metadata", offset + error.start, "not UTF-8") from None
        self.zero("padding before section table", end, self.table_offset)
        self.zero("padding before footer", self.table_end, self.footer_offset)
        centroids, codebooks, centre = self.centroids(), self.codebooks(), self.centre()
        self.axes()
        self.groups()
        self.verify_centroid_pages()
        if self.brackets:
            self.verifying_brackets = centroids, codebooks, centre
        total, next_frame, seen = 0, 0, set()
        end_of = {kind: self.sections[kind][0] for kind in self.kinds}
        for number in range(self.lists):
            count, first, frames = self.list_entry(number)
            place, at = f"list {number}", self.sections[LISTS][0] + 16 * number
            if first != next_frame:
                raise Damage("invalid list", place, at + 8, f"first frame {first}, expected {next_frame}")
            total, next_frame = total + count, next_frame + frames
            for kind in self.kinds:
                ids = []
                for frame in range(self.frames_of(kind, count)):
                    (offset, length), content = self.frame(number, kind, frame)
                    begin = up(end_of[kind], 1 if kind == IDS else 64)
                    if offset != begin:
                        raise Damage("invalid frame", f"{place}, {NAMES[kind][:-1]} frame {frame}", offset,
                                     f"the frame should begin at {begin}")
                    self.zero(f"{place}, before {NAMES[kind][:-1]} frame {frame}", end_of[kind], begin)
                    end_of[kind] = offset + length
                    if kind == IDS:
                        if (ids and content[0] <= ids[-1]) or not seen.isdisjoint(content):
                            raise Damage("invalid frame", f"{place}, id frame {frame}", offset, "ids descend or repeat")
                        ids = content
                        seen.update(content)
        if total != self.n or next_frame != self.frame_count:
            raise Damage("invalid list", "section lists", self.sections[LISTS][0],
                         f"{total} vectors of {self.n}, {next_frame} frames of {self.frame_count}")
        for kind in self.kinds:
            if end_of[kind] != sum(self.sections[kind][:2]):
                raise Damage("invalid frame", f"section {NAMES[kind]}", end_of[kind], "bytes after the last frame")

    def verify_centroid_pages(self):
        if CENTROID_PAGES not in self.sections:
            return
        offset, length, _ = self.sections[CENTROIDS]
        crcs = self.section(CENTROID_PAGES)
        for page in range(len(crcs) // 4):
            start = offset + page * PAGE
            found = salted(self.data[start:min(offset + length, start + PAGE)], CENTROIDS, page, 0)
            if found != struct.unpack_from("<I", crcs, 4 * page)[0]:
                raise Damage("checksum mismatch", f"centroids, page {page}", start, "CRC-32C")

    def summary(self):
        return {
            "version": f"{self.major}.{self.minor}", "alignment": 1 << self.e, "file_length": len(self.data),
            "file_id": f"{self.id:016x}", "compatible_features": self.compatible,
            "read_compatible_features": self.read_compatible,
            "parameters": {
                "count": self.n, "first_id": self.first_id, "dimension": self.dim, "nlist": self.nlist, "m": self.m,
                "nbits": self.nbits, "metric": self.metric, "residual": self.residual, "vectors": self.row_name,
                "vector_offset": self.offset, "stores_ids": self.stores_ids,
                "rotated": self.rotated, "brackets": self.brackets},
            "frames": self.frame_count,
            "sections": [{"name": self.section_name(kind), "kind": kind, "offset": offset, "length": length,
                          "crc": f"{crc:08x}"} for kind, offset, length, crc in self.entries]}


def read(path):
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except OSError as error:
        raise Failure(66, f"{path}: {error.strerror}") from None


def run(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: (_ for _ in ()).throw(Failure(64, message))
    parser.add_argument("file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("summary")
    commands.add_parser("verify")
    search = commands.add_parser("search")
    search.add_argument("queries")
    search.add_argument("-k", type=int, default=10)
    search.add_argument("--nprobe", type=int, default=1)
    search.add_argument("--rerank", type=int, default=0)
    search.add_argument("--no-groups", action="store_true")
    options = parser.parse_args(arguments)
    index = Index(read(options.file))
    if options.command == "summary":
        print(json.dumps(index.summary(), indent=2))
    elif options.command == "verify":
        index.verify()
    else:
        if options.k < 1 or options.nprobe < 1 or options.rerank < 0:
            raise Failure(64, "k and nprobe are at least 1, rerank at least 0")
        if options.rerank and VECTORS not in index.kinds:
            raise Failure(64, "the file has no vectors to re-rank by")
        queries = distances.read_fvecs(read(options.queries), options.queries)
        print(json.dumps(distances.search(index, queries, options.k, options.nprobe, options.rerank, not options.no_groups)))


def main():
    try:
        run(sys.argv[1:])
    except Damage as error:
        print(f"reader.py: {error}", file=sys.stderr)
        return 1 if "verify" in sys.argv[2:3] else 65
    except (Failure, MissingLibrary, distances.QueryError) as error:
        print(f"reader.py: {error}", file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
