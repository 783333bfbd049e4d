"""Which byte ranges of an index file a search must read, by the second reader of the format (Formats/reader.py)."""
import mmap
import os
import sys

import numpy as np

FORMATS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Formats")
sys.path.insert(0, FORMATS)
import reader  # noqa: E402


class File:
    """An index file; list numbers and ranges come from its centroids and directory."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.index = reader.Index(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def lists(self, queries, nprobe):
        """The lists that the queries visit, each once."""
        index = self.index
        offset, length, _ = index.sections[reader.CENTROIDS]
        # Lane blocks: 16 centroids as [component][lane] (pqx-v1.md, "Lane blocks").
        blocks = np.frombuffer(index.data, "<f4", length // 4, offset).reshape(-1, index.dim, 16)
        centroids = blocks.transpose(0, 2, 1).reshape(-1, index.dim)[: index.nlist].astype("f8")
        if index.rotated:
            queries = queries @ np.array(index.axes()).T
        distances = (centroids**2).sum(1) - 2 * queries.astype("f8") @ centroids.T
        return np.unique(np.argsort(distances, axis=1, kind="stable")[:, :nprobe])

    def frames(self, kind, lists):
        """(offset, length) of all frames of one kind of these lists."""
        return [self.index.frame(int(number), kind, frame)[0] for number in lists
                for frame in range(self.index.frames_of(kind, self.index.list_entry(int(number))[0]))]

    def model(self):
        """What every search reads besides: rotation, centroids, codebooks, page checksums, and the ends of the file."""
        index = self.index
        kinds = (reader.ROTATION, reader.CENTROIDS, reader.CODEBOOKS, reader.PAGES)
        sections = [index.sections[k][:2] for k in kinds if k in index.sections]
        return [(0, 4096), *sections, (index.table_offset, 32 * index.section_count), (index.footer_offset, 4096)]

    def directory(self, lists):
        """The pages of the directory that hold these lists' entries and frames."""
        index, pages = self.index, set()
        for number in map(int, lists):
            _, first, total = index.list_entry(number)
            for kind, start, size in ((reader.LISTS, 16 * number, 16), (reader.FRAMES, 24 * first, 24 * total)):
                offset = index.sections[kind][0]
                pages |= set(range((offset + start) // 4096, (offset + start + size - 1) // 4096 + 1))
        return [(4096 * page, 4096) for page in sorted(pages)]

    def winners(self, lists, ids):
        """(offset, length) of the id frames that hold the results `ids`."""
        wanted, found = set(np.unique(ids).tolist()), []
        for number in map(int, lists):
            count = self.index.list_entry(number)[0]
            for frame in range(self.index.frames_of(reader.IDS, count)):
                place, content = self.index.frame(number, reader.IDS, frame)
                if not wanted.isdisjoint(content):
                    found.append(place)
        return found


def merged(ranges, size):
    """Whole pages that hold the ranges, adjacent ones joined: what a reader by pread asks for."""
    joined = []
    for offset, length in sorted(ranges):
        start, end = offset // 4096 * 4096, min(size, -(-(offset + length) // 4096) * 4096)
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return [(start, end - start) for start, end in joined]


def evict(path):
    """Drops the file from the page cache by posix_fadvise(2); nobody may have it mapped."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fdatasync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
