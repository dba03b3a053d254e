"""TIFF in its variety: pages, layers, compressions, samples of any type in both byte orders."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from tests.data.drawn import bands01, distance, eight, refusal, shape01, shown, tiff_of

COLOR = bands01(3)
GREY = shape01(1)


def test_pages_and_layers() -> None:
    pages = np.stack([eight(shape01(seed)) for seed in range(10)])
    assert np.array_equal(np.stack(shown(tiff_of(pages)))[..., 0], pages)
    deep = np.stack([np.round(shape01(s) * 4095).astype(np.uint16) for s in range(4)])
    assert len(shown(tiff_of(deep, photometric="minisblack"))) == 4
    layers = np.round(np.moveaxis(bands01(5), 2, 0) * 65535).astype(np.uint16)
    times = np.stack([layers] * 3)[:, None]
    for data in (
        tiff_of(layers, metadata={"axes": "CYX"}, ome=True),
        tiff_of(layers, metadata={"axes": "CYX"}, imagej=True),
    ):
        (picture,) = shown(data)
        assert distance(picture, eight(bands01(5)[..., :3])) < 1
    stack = shown(tiff_of(times, metadata={"axes": "TZCYX"}, ome=True), "0:65535", "5")
    assert len(stack) == 3
    assert distance(stack[2], eight(bands01(5)[..., 4])) < 1


COMPRESSIONS = (None, "lzw", "zlib", "packbits", "zstd", "lzma", "lerc", "jpeg2000", "png")


@pytest.mark.parametrize("layout", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_compressed_tiffs(compression: str | None, tile: Any, layout: str) -> None:
    values = eight(COLOR) if layout == "contig" else np.moveaxis(eight(COLOR), 2, 0)
    data = tiff_of(
        values, photometric="rgb", planarconfig=layout, tile=tile, compression=compression
    )
    assert distance(shown(data)[0], eight(COLOR)) < 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [(None, False), ("zlib", True), ("lzw", True), ("zstd", False)])
@pytest.mark.parametrize("kind", ["u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_samples_of_tiffs(kind: str, packed: tuple[str | None, bool], order: Any) -> None:
    values = (GREY * 2000).astype(kind)
    data = tiff_of(values, compression=packed[0], predictor=packed[1], byteorder=order)
    assert distance(shown(data, "0:2000")[0], eight(GREY)) < 1


@pytest.mark.parametrize("bits", [10, 12])
def test_samples_that_share_bytes(bits: int) -> None:
    values = np.round(GREY * (2**bits - 1)).astype(np.uint16)
    assert distance(shown(tiff_of(values, bitspersample=bits))[0], eight(GREY)) < 1


def test_colors_that_are_not_red_green_and_blue_are_refused() -> None:
    deep = np.round(bands01(4) * 65535).astype(np.uint16)
    for data in (
        tiff_of(deep, photometric="separated"),
        tiff_of(eight(COLOR), photometric="cielab"),
    ):
        error = refusal(data)
        assert error.reason == "unsupported_mode"
        assert "save it as RGB" in error.message


def test_previews_within_a_tiff_are_left_out() -> None:
    import tifffile

    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(eight(COLOR), photometric="rgb")
        writer.write(eight(COLOR)[::2, ::2], photometric="rgb", subfiletype=1)
    assert len(shown(buffer.getvalue())) == 1
