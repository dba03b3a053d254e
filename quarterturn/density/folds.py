"""Folds of the pretraining images. The probe's and the report's images are in none."""

from __future__ import annotations

from dataclasses import replace

import torch

from quarterturn.pretrain.data import TrialData


def fold_range(images: int, fold: int, folds: int) -> tuple[int, int]:
    """[start, end) of a fold. Images are in the order of their digests, which is random."""
    return images * fold // folds, images * (fold + 1) // folds


def held_out(data: TrialData, fold: int, folds: int) -> torch.Tensor:
    """The images of a fold, on which policies are scored; uint8 (n, 3, s, s)."""
    start, end = fold_range(len(data.pretrain), fold, folds)
    return data.pretrain[start:end]


def without_fold(data: TrialData, fold: int, folds: int) -> TrialData:
    """The same data with the images of the other folds alone to pretrain on."""
    start, end = fold_range(len(data.pretrain), fold, folds)
    images = torch.cat((data.pretrain[:start], data.pretrain[end:]))
    return replace(data, pretrain=images.contiguous(memory_format=torch.channels_last))
