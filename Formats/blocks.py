"""Checksums and the contents of sections and frames: bytes to values. Names in comments are those of pqx-v1.md."""
import ctypes
import math
import struct


NO_BOUND = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]  # the largest f32


class Broken(Exception):
    """A rule of the content does not hold; `padding` where the rule is that unused bytes are zero."""

    def __init__(self, detail, padding=False):
        super().__init__(detail)
        self.padding = padding


class MissingLibrary(Exception):
    status = 69


def pieces(a, b):
    return -(-a // b)


def up(a, b):
    return pieces(a, b) * b


CRC_TABLE = list(range(256))
for _ in range(8):
    CRC_TABLE = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in CRC_TABLE]


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def salted(data, kind, number, list_number):
    """Checksums"""
    return crc32c(data, crc32c(struct.pack("<IIQ", kind, number & 0xFFFFFFFF, list_number)))


def lz4_decompress(block, size):
    """The `size` bytes that an LZ4 block stands for, or None."""
    try:
        library = ctypes.CDLL("liblz4.so.1")
    except OSError:
        raise MissingLibrary("the file has LZ4 frames; install liblz4 (Debian: liblz4-1)") from None
    output = ctypes.create_string_buffer(size)
    return output.raw if library.LZ4_decompress_safe(block, output, len(block), size) == size else None


def finite(data):
    """The floats of `data`."""
    if any(data[at + 3] & 0x7F == 0x7F and data[at + 2] & 0x80 for at in range(0, len(data), 4)):
        raise Broken("a value is not finite")
    return struct.unpack(f"<{len(data) // 4}f", data)


def lane_blocks(data, groups, count, components):
    """Lane blocks: `groups` times `count` rows of `components` floats."""
    values, step, result = finite(data), pieces(count, 16) * 16 * components, []
    at = [[(v // 16 * components + i) * 16 + v % 16 for i in range(components)] for v in range(up(count, 16))]
    for group in range(groups):
        blocks = values[group * step:(group + 1) * step]
        result.append([[blocks[place] for place in row] for row in at[:count]])
        words = struct.unpack_from(f"<{step}I", data, 4 * group * step)
        if any(words[place] for row in at[count:] for place in row):
            raise Broken("unused lanes", padding=True)
    return result


def unit_vectors(data, count):
    """Rotation: `count` axes of as many components."""
    axes = lane_blocks(data, 1, count, count)[0]
    for number, axis in enumerate(axes):
        length = 0.0
        for x in axis:
            length += x * x
        if abs(length - 1) > 2 ** -10:
            raise Broken(f"the squared length of axis {number} is {length}")
    return axes


def coarse_groups(data, nlist, dim):
    """Coarse groups: per group `(range of lists, centroid)`."""
    count, reserved = struct.unpack_from("<II", data) if len(data) >= 8 else (0, 0)
    blocks = up(12 + 4 * count, 64)
    if not 1 <= count <= nlist or len(data) != blocks + 64 * pieces(count, 16) * dim:
        raise Broken(f"{count} groups in {len(data)} bytes")
    starts = struct.unpack_from(f"<{count + 1}I", data, 8)
    if starts[0] != 0 or starts[count] != nlist or any(a >= b for a, b in zip(starts, starts[1:])):
        raise Broken(f"groups begin at the lists {starts}")
    if reserved or data[12 + 4 * count:blocks].strip(b"\0"):
        raise Broken("reserved bytes", padding=True)
    centers = lane_blocks(data[blocks:], 1, count, dim)[0]
    return [(range(*pair), center) for pair, center in zip(zip(starts, starts[1:]), centers)]


def code_tiles(data, count, m, nbits, bracketed):
    """Code tiles: codes `[vector][subspace]`, and the bytes of the bracket plane, if there is one."""
    low = pieces(m, 2) if nbits <= 4 else m
    high = 0 if nbits <= 8 else pieces(m, 2) if nbits <= 12 else m
    planes = low + high + bracketed
    nibble_plane = {4: low - 1, 12: low + high - 1}.get(up(nbits, 4)) if m % 2 else None  # its upper half is unused
    codes, brackets = [], []
    for first in range(0, count, 64):
        used = min(64, count - first)
        lanes = up(used, 16)
        tile = [data[planes * first + p * lanes:][:lanes] for p in range(planes)]
        if any(plane[used:].strip(b"\0") for plane in tile):
            raise Broken("unused lanes", padding=True)
        if nibble_plane is not None and any(byte >> 4 for byte in tile[nibble_plane]):
            raise Broken("unused half planes", padding=True)
        brackets += tile[-1][:used] if bracketed else b""
        for lane in range(used):
            column = [plane[lane] for plane in tile]
            if nbits <= 4:
                codes.append([column[s // 2] >> 4 * (s % 2) & 15 for s in range(m)])
            elif nbits <= 8:
                codes.append(column[:m])
            elif nbits <= 12:
                codes.append([column[s] + 256 * (column[m + s // 2] >> 4 * (s % 2) & 15) for s in range(m)])
            else:
                codes.append([column[s] + 256 * column[m + s] for s in range(m)])
    if any(code >> nbits for row in codes for code in row):
        raise Broken(f"a code is not less than 2^{nbits}")
    return codes, brackets


def check_brackets(codes, brackets, minimum, step, centroid, codebooks, centre):
    """Brackets: each stands for what its vector has, or up to a step less. Python's floats are f64."""
    if minimum == -NO_BOUND:
        return
    sub = len(centre) // len(codebooks)
    slack = 2 ** -40 * (abs(minimum) + 256 * step) + 2 ** -126
    for i, (row, byte) in enumerate(zip(codes, brackets)):
        bracket = 0.0
        for s, code in enumerate(row):
            term = 0.0
            for r, c, mean in zip(codebooks[s][code], centroid[s * sub:], centre[s * sub:]):
                term += r * (r + 2 * (c - mean))
            bracket += term
        stored = minimum + step * byte
        if not stored <= bracket <= stored + step + slack:
            raise Broken(f"vector {i}: a bracket of {stored} to {stored + step}, found {bracket}")


def ids(data, count, planes, first_id):
    """Id frames"""
    result = [first_id]
    for i in range(count):
        difference = sum(data[p * count + i] << 8 * p for p in range(planes))
        if (difference == 0) != (i == 0):
            raise Broken(f"the first difference is not 0, or ids do not ascend, at {i}")
        if i:
            result.append(result[-1] + difference)
    if result[-1] >> 64:
        raise Broken("an id exceeds 64 bits")
    return result


def rows(data, dim, letter, offset):
    """Vector frames: `[row][component]`; `letter` is that of `struct`."""
    values = [float(x + offset) for x in struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data)]
    if not all(map(math.isfinite, values)):
        raise Broken("a value is not finite")
    return [values[i:i + dim] for i in range(0, len(values), dim)]
