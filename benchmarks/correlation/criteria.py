"""From the frozen features of one run to label-free criteria, each a number."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

from core.scoring.probe import fit_logistic, rotation_probe, standardise
from core.scoring.rank import rankme

Tensors = dict[str, torch.Tensor]
TEMPERATURE = 0.2


def _float(tensors: Tensors) -> Tensors:
    return {k: v.float() for k, v in tensors.items()}


def _swapped(train: torch.Tensor, test: torch.Tensor, l2: float) -> tuple[float, float]:
    one, two = rotation_probe(train, test, l2), rotation_probe(test, train, l2)
    n, m = test.shape[1], train.shape[1]
    return (
        (one.accuracy * n + two.accuracy * m) / (n + m),
        (one.cross_entropy * n + two.cross_entropy * m) / (n + m),
    )


def rotations(train: Tensors, test: Tensors) -> dict[str, float]:
    train, test = _float(train), _float(test)
    train["stages"] = torch.cat([train[k] for k in ("stage1", "stage2", "features")], 2)
    test["stages"] = torch.cat([test[k] for k in ("stage1", "stage2", "features")], 2)
    found = {}
    for key in train:
        result = rotation_probe(train[key], test[key], 1e-3)
        found[f"rot/{key}"] = result.accuracy
        found[f"rotce/{key}"] = -result.cross_entropy
    found["rot/mean_stages"] = (found["rot/stage1"] + found["rot/stage2"] + found["rot/features"]) / 3
    found["rot/late_stages"] = (found["rot/stage2"] + found["rot/features"]) / 2
    for l2 in (1e-5, 1e-4, 1e-2, 1e-1):
        result = rotation_probe(train["features"], test["features"], l2)
        found[f"rot/l2={l2:g}"] = result.accuracy
        found[f"rotce/l2={l2:g}"] = -result.cross_entropy
    for n in (250, 500, 1000):
        result = rotation_probe(train["features"][:, :n], test["features"], 1e-3)
        found[f"rot/n={n}"] = result.accuracy
        result = rotation_probe(train["features"][:, :n], test["features"], 1e-2)
        found[f"rot/n={n},l2=.01"] = result.accuracy
    found["rot/crossfit"], found["rotce/crossfit"] = _swapped(train["features"], test["features"], 1e-3)
    two = rotation_probe(train["features"][0::2], test["features"][0::2], 1e-3)
    found["rot/only180"] = two.accuracy
    two = rotation_probe(train["features"][0:2], test["features"][0:2], 1e-3)
    found["rot/only90"] = two.accuracy
    # nearest centroid and LDA
    a, b = standardise(train["features"].flatten(0, 1), test["features"].flatten(0, 1))
    d = a.shape[1]
    a, b = a.view(4, -1, d), b.view(4, -1, d)
    # rotation conditional on image: differences from the image's mean over turns
    a2, b2 = a - a.mean(0), b - b.mean(0)
    found["rot/centred"] = rotation_probe(a2, b2, 1e-3).accuracy
    within = (a - a.mean(0)).square().sum(2).mean()
    total = (a - a.mean((0, 1))).square().sum(2).mean()
    found["rotvar/share"] = -float(within / total)
    # consistency: turns of an image are nearest neighbours
    z0, z1 = functional.normalize(b[0], dim=1), functional.normalize(b[1], dim=1)
    found["rotret/90"] = float(((z0 @ z1.T).argmax(1) == torch.arange(len(z0))).float().mean())
    z1 = functional.normalize(b[2], dim=1)
    found["rotret/180"] = float(((z0 @ z1.T).argmax(1) == torch.arange(len(z0))).float().mean())
    return found


def _infonce(z: torch.Tensor, temperature: float) -> float:
    total = 0.0
    for v in range(0, 8, 2):
        sim = z[v] @ z[v + 1].T / temperature
        target = torch.arange(len(sim))
        total += float(functional.cross_entropy(sim, target) + functional.cross_entropy(sim.T, target)) / 2
    return total / 4


def views(found_views: Tensors) -> dict[str, float]:
    found = {}
    for key in ("stage2", "features", "projections"):
        raw = found_views[key].float()
        std = (raw - raw.mean((0, 1))) / raw.flatten(0, 1).std(0).clamp_min(1e-6)
        for name, x in (("raw", raw), ("std", std)):
            z = functional.normalize(x, dim=2)
            found[f"nce/{key}/{name}"] = -_infonce(z, TEMPERATURE)
            align = float((z[0::2] - z[1::2]).square().sum(2).mean())
            unif = sum(float(torch.pdist(z[v]).square().mul(-2).exp().mean().log()) for v in range(4)) / 4
            found[f"align/{key}/{name}"] = -align
            found[f"unif/{key}/{name}"] = -unif
            found[f"alun/{key}/{name}"] = -align - unif
            right = [((z[v] @ z[v + 1].T).argmax(1) == torch.arange(z.shape[1])).float().mean() for v in range(0, 8, 2)]
            found[f"retrieval/{key}/{name}"] = float(torch.stack(right).mean())
        found[f"lidar/{key}"], found[f"fisher/{key}"] = lidar(raw)
        a = raw[0::2].flatten(0, 1)
        # linear instance: whitened retrieval
        mean = raw.mean(0)
        residual = (raw - mean).flatten(0, 1)
        cov = residual.T @ residual / len(residual)
        value, vector = torch.linalg.eigh(cov.double())
        white = (vector * (value + 1e-4 * value.mean()).rsqrt()) @ vector.T
        w = (raw - raw.mean((0, 1))).double() @ white
        z = functional.normalize(w.float(), dim=2)
        found[f"nce/{key}/white"] = -_infonce(z, TEMPERATURE)
        right = [((z[v] @ z[v + 1].T).argmax(1) == torch.arange(z.shape[1])).float().mean() for v in range(0, 8, 2)]
        found[f"retrieval/{key}/white"] = float(torch.stack(right).mean())
        # bits: 0.5 log det(Sb+Sw)/det(Sw)
        centre = mean - mean.mean(0)
        sb = (centre.T @ centre / len(centre)).double()
        sw = cov.double() * 8 / 7
        eps = 1e-4 * torch.eye(len(sw), dtype=torch.double) * (sw + sb).diagonal().mean()
        found[f"info/{key}"] = float(torch.logdet(sb + sw + eps) - torch.logdet(sw + eps)) / 2
    return found


def lidar(raw: torch.Tensor, delta: float = 1e-3) -> tuple[float, float]:
    x = raw.double()
    mean = x.mean(0)
    centre = mean - mean.mean(0)
    between = centre.T @ centre / (len(mean) - 1)
    residual = (x - mean).flatten(0, 1)
    within = residual.T @ residual / (len(residual) - len(mean))
    fisher = float(between.trace() / within.trace().clamp_min(1e-12))
    value, vector = torch.linalg.eigh(within + delta * torch.eye(len(within), dtype=torch.double) )
    white = (vector * value.clamp_min(1e-12).rsqrt()) @ vector.T
    eig = torch.linalg.eigvalsh(white @ between @ white).clamp_min(0)
    p = eig / eig.sum() + 1e-7
    return float(torch.exp(-(p * p.log()).sum())), fisher


def spectra(parts: Tensors) -> dict[str, float]:
    found = {}
    for key in ("stage2", "features", "projections"):
        x = parts[key].float()
        c = x - x.mean(0)
        found[f"rankme/{key}"] = rankme(x)
        found[f"rankme_c/{key}"] = rankme(c)
        s = c / c.std(0).clamp_min(1e-6)
        found[f"rankme_s/{key}"] = rankme(s)
        z = functional.normalize(x, dim=1)
        found[f"rankme_n/{key}"] = rankme(z - z.mean(0))
        eig = torch.linalg.eigvalsh((c.T @ c / len(c)).double()).flip(0).clamp_min(1e-12)
        found[f"effrank/{key}"] = float(eig.sum() ** 2 / eig.square().sum())
        p = eig / eig.sum()
        found[f"entropy/{key}"] = float(torch.exp(-(p * p.log()).sum()))
        n = min(len(eig), 50)
        lx = torch.arange(3, n + 1, dtype=torch.double).log()
        ly = eig[2:n].log()
        slope = ((lx - lx.mean()) * (ly - ly.mean())).sum() / (lx - lx.mean()).square().sum()
        found[f"alphareq/{key}"] = float(slope)  # -alpha: flatter is larger
        found[f"std/{key}"] = float(z.std(0).norm())
        found[f"sparsity/{key}"] = float((x <= 1e-3).float().mean())
    return found


def criteria(snapshot: dict[str, Any]) -> dict[str, float]:
    found = rotations(snapshot["probe_train"], snapshot["probe_test"])
    found |= views(snapshot["views"])
    found |= spectra({k: v[:4000] for k, v in snapshot["pretrain"].items()})
    losses = snapshot["losses"]
    for n in (10, 30):
        found[f"loss/{n}"] = sum(losses[-n:]) / n
    return found
