"""The decompressor: every coding at every split, truncation, damage, bombs."""

import gzip
import random
import zlib
from collections.abc import Iterable, Iterator

import pytest

from togetherpy._transport.inflate import Decompressor, EncodingError


def drip(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


TEXT = b"".join(b"%d: the quick brown fox. " % i for i in range(200))


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


CODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("x-gzip", gzip.compress(TEXT)),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "raw deflate": ("deflate", raw_deflate(TEXT)),
    "gzip of two members": ("gzip", gzip.compress(TEXT[:700]) + gzip.compress(TEXT[700:])),
    "gzip of many members": ("gzip", b"".join(gzip.compress(TEXT[i : i + 900]) for i in range(0, len(TEXT), 900))),
}
coded = pytest.mark.parametrize(("coding", "data"), CODED.values(), ids=CODED)


def inflate(coding: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """As the transport does it."""
    decompressor = Decompressor(coding)
    for piece in pieces:
        yield decompressor.feed(piece)
        while decompressor.more:
            yield decompressor.feed(b"")
    decompressor.end()


@pytest.mark.fault("B21")
@coded
def test_decompression_at_every_split(coding: str, data: bytes) -> None:
    assert b"".join(inflate(coding, [data])) == TEXT
    assert b"".join(inflate(coding, drip(data))) == TEXT
    for cut in range(len(data) + 1):
        assert b"".join(inflate(coding, [data[:cut], b"", data[cut:]])) == TEXT


@pytest.mark.fault("B24")
@coded
def test_truncated_compressed_data(coding: str, data: bytes) -> None:
    members = data.split(b"\x1f\x8b\x08")
    between = {len(b"\x1f\x8b\x08".join(members[:i])) for i in range(2, len(members))}
    for cut in range(len(data)):
        if cut not in between:  # gzip data that ends after one of its members is whole
            with pytest.raises(EncodingError, match="cut short"):
                list(inflate(coding, [data[:cut]]))


@pytest.mark.fault("B24")
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_corrupt_compressed_data(coding: str) -> None:
    data = bytearray(gzip.compress(TEXT) if coding == "gzip" else zlib.compress(TEXT))
    data[len(data) // 2 :] = bytes(byte ^ 0x55 for byte in data[len(data) // 2 :])
    for pieces in ([bytes(data)], drip(bytes(data))):
        with pytest.raises(EncodingError, match="corrupt"):
            list(inflate(coding, pieces))


@pytest.mark.fault("B24")
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("data", [b"this is no compressed data", b"{}", b"\xff" * 40, b"x", b""])
def test_data_that_is_not_compressed(coding: str, data: bytes) -> None:
    with pytest.raises(EncodingError):
        list(inflate(coding, [data]))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("surplus", [b"x", b"garbage", b"\x1f", b"\0" * 8])
def test_garbage_after_compressed_data(coding: str, surplus: bytes) -> None:
    data = gzip.compress(TEXT) if coding == "gzip" else zlib.compress(TEXT)
    for pieces in ([data + surplus], [data, surplus]):
        with pytest.raises(EncodingError):
            list(inflate(coding, pieces))


def test_deflate_has_no_members() -> None:
    with pytest.raises(EncodingError, match="goes on after its end"):
        list(inflate("deflate", [zlib.compress(TEXT) + gzip.compress(TEXT)]))


@pytest.mark.parametrize("beyond", range(-2, 1100, 58))
def test_what_zlib_holds_back_when_its_input_is_used_up(beyond: int) -> None:
    # Raw deflate ends without a checksum, so there may be output left when there is no input left.
    size = Decompressor.PIECE + beyond
    assert sum(map(len, inflate("deflate", [raw_deflate(bytes(size))]))) == size


@pytest.mark.fault("B23")
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_comes_in_bounded_pieces(coding: str) -> None:
    size = 50 * 1024 * 1024 + 1
    compress = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    bomb = compress.compress(bytes(size)) + compress.flush()
    assert len(bomb) < size // 900
    total = 0
    for piece in inflate(coding, [bomb]):
        assert len(piece) <= Decompressor.PIECE
        total += len(piece)
    assert total == size


def test_data_that_does_not_compress() -> None:
    data = random.Random(1).randbytes(3 * Decompressor.PIECE)
    packed = gzip.compress(data)
    assert b"".join(inflate("gzip", [packed[i : i + 65536] for i in range(0, len(packed), 65536)])) == data


@pytest.mark.fault("B22")
@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "", "x" * 500])
def test_an_encoding_that_was_not_offered(coding: str) -> None:
    with pytest.raises(EncodingError, match="not offered") as raised:
        Decompressor(coding)
    assert len(str(raised.value)) < 120
