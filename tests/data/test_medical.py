"""DICOM and NIfTI: the values that doctors see, and nothing of whom they are."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.settings import Settings
from core.storage import storage_of
from quarterturn.data import ingest
from quarterturn.data.caps import Caps
from quarterturn.data.members import Member
from quarterturn.data.sources import archive_members
from tests.data.drawn import distance, eight, refusal, shape01, shown

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")

SECRETS = ("SECRET^NAME", "SECRETID", "19700203", "SECRET HOSPITAL", "Dr SECRET")


def dicom_of(values: np.ndarray, **facts: Any) -> bytes:
    """A DICOM file of frames, (h, w), (n, h, w) or (h, w, 3), with a patient in it."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.SOPClassUID = SecondaryCaptureImageStorage
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID
    header.PatientName, header.PatientID, header.PatientBirthDate = SECRETS[:3]
    header.InstitutionName, header.ReferringPhysicianName = SECRETS[3:]
    color = values.ndim == 3 and values.shape[2] == 3
    if values.ndim == 3 and not color:
        header.NumberOfFrames = len(values)
    header.Rows, header.Columns = values.shape[:2] if color else values.shape[-2:]
    header.SamplesPerPixel = 3 if color else 1
    if color:
        header.PlanarConfiguration = 0
    header.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    header.BitsAllocated = 8 * values.dtype.itemsize
    header.BitsStored = facts.pop("BitsStored", header.BitsAllocated)
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(values.dtype.kind == "i")
    header.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    header["PixelData"].VR = "OW" if values.dtype.itemsize > 1 else "OB"
    for name, value in facts.items():
        setattr(header, name, value)
    buffer = io.BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _twelve(picture: np.ndarray) -> np.ndarray:
    return np.round(picture * 4095).astype(np.uint16)


def test_grey_of_twelve_bits_inverted_or_not() -> None:
    picture = shape01(1)
    data = dicom_of(_twelve(picture), BitsStored=12)
    assert distance(shown(data)[0], eight(picture)) < 1
    inverted = dicom_of(
        _twelve(1 - picture), BitsStored=12, PhotometricInterpretation="MONOCHROME1"
    )
    assert distance(shown(inverted)[0], eight(picture)) < 1


def test_rescaled_values_and_the_window_of_the_file() -> None:
    picture = shape01(2)
    hounsfield = -1000 + 3000 * picture
    data = dicom_of(
        np.round(hounsfield + 1024).astype(np.uint16),
        RescaleSlope=1,
        RescaleIntercept=-1024,
        WindowCenter=40,
        WindowWidth=400,
    )
    expected = eight(((hounsfield + 160) / 400).clip(0, 1))
    assert distance(shown(data)[0], expected) < 1.5
    wide = eight((hounsfield + 1000) / 3000)
    assert distance(shown(data, "-1000:2000")[0], wide) < 1, "in Hounsfield units"


def test_signed_values_without_a_window() -> None:
    picture = shape01(3)
    values = np.round(-1000 + 3000 * picture).astype(np.int16)
    assert distance(shown(dicom_of(values))[0], eight(picture)) < 1
    other = np.round(-20_000 + 9000 * picture).astype(np.int16)  # no Hounsfield units
    result = shown(dicom_of(other))[0][..., 0].astype(float)
    assert np.corrcoef(result.ravel(), picture.ravel())[0, 1] > 0.99
    assert np.ptp(result) > 240


def test_frames_colors_and_palettes() -> None:
    pictures = [shape01(seed) for seed in range(3)]
    data = dicom_of(np.stack([_twelve(picture) for picture in pictures]), BitsStored=12)
    frames = shown(data)
    assert len(frames) == 3
    for frame, picture in zip(frames, pictures, strict=True):
        assert distance(frame, eight(picture)) < 1
    color = eight(np.stack(pictures, axis=2))
    assert distance(shown(dicom_of(color))[0], color) == 0


def test_frames_with_values_of_their_own() -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    pictures = [shape01(seed) for seed in range(3)]
    slopes = (1.0, 2.0, 0.5)
    groups = []
    for slope in slopes:
        rescale, group = Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = slope, -100
        group.PixelValueTransformationSequence = Sequence([rescale])
        groups.append(group)
    stored = [np.round((1000 * p + 100) / slope) for p, slope in zip(pictures, slopes, strict=True)]
    data = dicom_of(
        np.stack(stored).astype(np.uint16), PerFrameFunctionalGroupsSequence=Sequence(groups)
    )
    for frame, picture in zip(shown(data, "0:1000"), pictures, strict=True):
        assert distance(frame, eight(picture)) < 1


def test_padding_is_black_and_does_not_count() -> None:
    picture = shape01(7)
    values = np.round(200 + 800 * picture).astype(np.int16)
    values[:8] = -2000
    result = shown(dicom_of(values, PixelPaddingValue=-2000))[0]
    assert (result[:8] == 0).all()
    assert np.ptp(result[8:]) > 120


def test_a_range_of_padding_is_padding() -> None:
    values = np.round(1000 + 3000 * shape01(7)).astype(np.uint16)
    plain = shown(dicom_of(values, BitsStored=12, PixelPaddingValue=0), "1000:4000")[0]
    values[:8] = np.arange(8)[:, None] + 60
    facts = {"PixelPaddingValue": 67, "PixelPaddingRangeLimit": 60}
    for kind, stored in (("MONOCHROME2", values), ("MONOCHROME1", values)):
        data = dicom_of(stored, BitsStored=12, PhotometricInterpretation=kind, **facts)
        result = shown(data, "1000:4000")[0]
        assert (result[:8] == 0).all()
        expected = plain if kind == "MONOCHROME2" else 255 - plain
        assert distance(result[8:], expected[8:]) == 0


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("padded", [False, True])
def test_the_curve_of_a_mammogram(kind: str, padded: bool) -> None:
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_windowing

    values = _twelve(shape01(5))
    facts: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 1500, "BitsStored": 12}
    facts |= {"VOILUTFunction": "SIGMOID", "PhotometricInterpretation": kind}
    if padded:
        values[:8], facts["PixelPaddingValue"] = 0, 0
    data = dicom_of(values, **facts)
    expected = apply_windowing(values, dcmread(io.BytesIO(data), force=True)) * (255 / 4095)
    expected = 255 - expected if kind == "MONOCHROME1" else expected
    result = shown(data)[0]
    assert distance(result[8:], np.round(expected)[8:]) < 1
    if padded:
        assert (result[:8] == 0).all()


def test_a_lookup_table_of_values_of_interest() -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    picture = shape01(4)
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    entries = np.round(4095 * (np.arange(4096) / 4095) ** 2).astype(np.uint16)
    table.add_new(0x00283006, "OW", entries.tobytes())
    data = dicom_of(_twelve(picture), BitsStored=12, VOILUTSequence=Sequence([table]))
    assert distance(shown(data)[0], eight(picture**2)) < 1


def test_packed_and_bare_files() -> None:
    picture = shape01(5)
    data = dicom_of(_twelve(picture), BitsStored=12)
    assert distance(shown(gzip.compress(data))[0], eight(picture)) < 1
    header = pydicom.dcmread(io.BytesIO(data))
    bare = io.BytesIO()
    pydicom.dcmwrite(bare, header, implicit_vr=False, little_endian=True)
    at = data.index(b"\x08\x00\x16\x00")
    assert distance(shown(data[at:])[0], eight(picture)) < 1


def test_what_is_no_picture_says_so() -> None:
    data = dicom_of(_twelve(shape01(6)))
    header = pydicom.dcmread(io.BytesIO(data))
    del header.PixelData
    buffer = io.BytesIO()
    header.save_as(buffer)
    assert refusal(buffer.getvalue()).reason == "no_picture"
    assert refusal(data[:-3000]).reason == "damaged"


def _hostile(number: int) -> bytes:
    """Files whose faults lie in, or whose readers would quote, what must not be told."""
    data = dicom_of(_twelve(shape01(number)), BitsStored=12)
    faults = (
        data[: -2000 - number],
        data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4."),
        data.replace(b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x10\x00DA\x02\x00"),
        data.replace(b"PN", b"US"),
        data.replace(b"MONOCHROME2", b"SECRET^NAME"),
    )
    return faults[number % len(faults)]


def test_nothing_of_a_patient_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    members = [Member(f"{n}.dcm", dicom_of(_twelve(shape01(n)), BitsStored=12)) for n in range(105)]
    members += [Member(f"bad{n}.dcm", _hostile(n)) for n in range(10)]
    settings = Settings(data_dir=tmp_path)
    info, report = ingest(members, Caps(settings.ingest_limits), storage_of(settings))
    assert info.images >= 105
    assert report.skipped
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    output = capfd.readouterr()
    told = f"{report}{info}{output.out}{output.err}{caplog.text}".encode() + written
    for secret in SECRETS:
        assert secret.encode() not in told


def nifti_of(values: np.ndarray, affine: np.ndarray | None = None, kind: int = 1) -> bytes:
    """A NIfTI file, packed."""
    maker = nibabel.Nifti1Image if kind == 1 else nibabel.Nifti2Image
    image = maker(values, np.eye(4) if affine is None else affine)
    return gzip.compress(image.to_bytes())


@pytest.mark.parametrize("kind", [1, 2])
def test_slices_of_a_volume(kind: int) -> None:
    pictures = [shape01(seed) for seed in range(6)]
    values = np.stack([np.round(p * 1000 - 200).astype(np.int16) for p in pictures], axis=2)
    slices = shown(nifti_of(values, kind=kind), "-200:800")
    assert len(slices) == 6
    for part, picture in zip(slices, pictures, strict=True):
        assert distance(part, eight(picture[::-1, ::-1].T)) < 1
    assert len(shown(gzip.decompress(nifti_of(values, kind=kind)), "-200:800")) == 6


def test_a_volume_is_upright_however_it_was_stored() -> None:
    values = np.round(np.stack([shape01(s, 40) for s in range(12)], axis=2) * 1000).astype(np.int16)
    turned = nibabel.Nifti1Image(values, np.eye(4))
    target = nibabel.orientations.axcodes2ornt(("L", "P", "S"))
    other = turned.as_reoriented(
        nibabel.orientations.ornt_transform(nibabel.io_orientation(np.eye(4)), target)
    )
    first, second = (shown(image.to_bytes(), "0:1000") for image in (turned, other))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_volumes_in_time_and_scaled_ones() -> None:
    values = np.random.default_rng(0).uniform(0, 500, (20, 20, 4, 3)).astype(np.float32)
    assert len(shown(nifti_of(values))) == 12
    image = nibabel.Nifti1Image(np.round(values[..., 0]).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(2.0, 10.0)
    image.header.set_data_dtype(np.int16)
    scaled = shown(image.to_bytes(), "0:1000")
    assert len(scaled) == 4


def test_a_set_in_one_archive(tmp_path: Path) -> None:
    path = tmp_path / "scans.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(101):
            archive.writestr(f"{number}.dcm", dicom_of(_twelve(shape01(number)), BitsStored=12))
        archive.writestr("DICOMDIR", b"\0" * 128 + b"DICM")
    settings = Settings(data_dir=tmp_path)
    caps = Caps(settings.ingest_limits)
    info, report = ingest(archive_members(path, caps), caps, storage_of(settings))
    assert info.images == 101
    assert report.reasons == {"no_picture": 1}
    assert info.pictures.intensity is not None
    assert (info.pictures.intensity.source, info.pictures.intensity.high) == ("bits", 4095)
    assert info.grey
