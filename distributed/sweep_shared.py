"""What all trials of a sweep share: settings, data, what is tried with each, and where outcomes are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from core.errors import ConfigError
from core.settings import ClusterSettings, DecodingSettings
from core.store import Store, digest
from core.training.settings import Recipe
from distributed.sweep_data import SweepData
from distributed.sweep_keys import scoring_key, trial_key
from distributed.sweep_load import with_values
from distributed.sweep_scores import Scorer, find_embedder
from distributed.sweep_settings import SweepSettings
from distributed.sweep_space import Values
from distributed.sweep_trials import TrialCache
from distributed.sweep_variants import decoding_effect, grouping_effect

__all__ = ["Sweep", "TrialError"]


class TrialError(Exception):
    """A trial cannot go on; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What all trials of a sweep share; small, so that it can be sent to where they run."""

    name: str
    settings: SweepSettings
    data: SweepData
    """Its recipe is the defaults."""
    checksums: Mapping[str, str]
    """Of the parts of the data."""
    decodings: tuple[DecodingSettings, ...]
    groupings: tuple[ClusterSettings, ...]
    base_key: str
    training_code: str
    """Version of the code that trains; found once, so that an edit while the sweep runs divides no trial in two."""
    scoring_code: str
    """Version of the code that writes and scores."""
    store_root: Path
    cache_root: Path
    command: str = ""

    @property
    def cache(self) -> TrialCache:
        """Trials of this and other sweeps."""
        return TrialCache(self.cache_root)

    def recipe(self, values: Values) -> Recipe:
        """The recipe of a trial.

        Raises:
            TrialError: the values exclude each other.
        """
        try:
            return with_values(self.data.recipe, values)
        except (ValidationError, ConfigError) as error:
            told = "; ".join(one["msg"] for one in error.errors()) if isinstance(error, ValidationError) else str(error)
            raise TrialError(f"these values do not go together: {told.removeprefix('Value error, ')}") from None

    def key(self, values: Values) -> str:
        """Under which a trial is kept."""
        try:
            recipe = self.recipe(values)
        except TrialError:  # it has no recipe, but a place among the trials that failed
            recipe = self.data.recipe.model_copy(update={"base_model": f"none of {sorted(values.items())}"})
        train, val = self.checksums["train"], self.checksums["val"]
        return trial_key(recipe, train=train, val=val, base=self.base_key, code=self.training_code)

    def scoring_key(self, key: str, decoding: DecodingSettings, part: str) -> str:
        """Under which what a trial's model writes is kept."""
        how = {
            "normalize": self.data.recipe.eval.normalize.model_dump(),
            "clip": self.settings.clip.model_dump(),
            "most": self.settings.data.score_records if part == "val" else None,
            "seed": self.settings.seed,
        }
        effect, records = decoding_effect(decoding), self.checksums[part]
        return scoring_key(key, effect, records=records, how=how, code=self.scoring_code)

    def grouping_key(self, grouping: ClusterSettings) -> str:
        """Under which what captions are worth in a grouping is kept, beside them."""
        return digest("grouping", grouping_effect(grouping), self.settings.seed)[:16]

    def scorer(self, part: str, store: Store) -> Scorer:
        """What holds captions of a part against their records."""
        embedder, _ = find_embedder(self.settings.clip)
        return Scorer(
            data=self.data,
            part=part,
            groupings=self.groupings,
            embedder=embedder,
            store=store,
            seed=self.settings.seed,
            most=self.settings.data.score_records if part == "val" else None,
        )
