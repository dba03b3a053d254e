"""TPE by Optuna (Bergstra et al. 2011), its study rebuilt from what is recorded."""

from __future__ import annotations

from collections.abc import Sequence

from quarterturn.search.proposals.observations import Observation
from quarterturn.space.parameters import Dimension, Parameters


def propose(
    dimensions: Sequence[Dimension], observed: Sequence[Observation], seed: int, start_up: int = 10
) -> Parameters:
    """The next proposal, larger values being better; random until `start_up` have a value.

    Pending proposals count as bad ones, so that workers do not all try the same.
    """
    import optuna  # a second to import; planning without TPE does not need it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        d.name: optuna.distributions.CategoricalDistribution(range(d.choices))
        if d.choices
        else optuna.distributions.FloatDistribution(0.0, 1.0)
        for d in dimensions
    }
    # Whatever is random depends on the number of the proposal, not on how often it was asked for.
    number = len(observed)
    sampler = optuna.samplers.TPESampler(
        seed=(seed * 1_000_003 + number) % 2**32, n_startup_trials=start_up, constant_liar=True
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    states = optuna.trial.TrialState
    study.add_trials(
        optuna.trial.create_trial(
            state=states.RUNNING if item.value is None else states.COMPLETE,
            params=item.parameters,
            distributions=distributions,
            value=item.value,
        )
        for item in sorted(observed, key=lambda item: item.number)
    )
    asked = study.ask(distributions)
    return {
        d.name: int(asked.params[d.name]) if d.choices else round(asked.params[d.name], 4)
        for d in dimensions
    }
