"""A sweep's typed settings: what each key means and which values it may take. `load_sweep` reads them from YAML."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from core.settings_base import Count, Settings
from distributed.sweep_space import Space

__all__ = [
    "AshaSettings",
    "BudgetSettings",
    "ClipSettings",
    "DataSettings",
    "ParamSpace",
    "ResourceSettings",
    "SweepSettings",
]


def _as_settings(value: Any) -> Any:
    """`[train.lr=1e-3]` and `{train.lr: 1.0e-3}` say the same."""
    if isinstance(value, list | tuple):
        return dict(str(entry).partition("=")[::2] for entry in value)
    return value


class DataSettings(Settings):
    """The records of a sweep: every trial learns from the same ones and is judged on the same ones."""

    train: str | None = None
    """Records to learn from (JSON lines); null takes the recipe's, or renders photos as the recipe says."""
    val: str | None = None
    """Records that trials are compared on; null takes the recipe's."""
    test: str | None = None
    """Records that no trial sees, on which the winner is scored once; needed unless the photos are rendered."""
    image_root: str | None = None
    """Folder that image paths begin at; null takes the recipe's, else the folder of the records to learn from."""
    test_photos: Count = 200
    """Photos of the test events, where they are rendered."""
    score_records: Count | None = None
    """Validation records that decodings are scored on, drawn once by the seed; null takes all."""


class ParamSpace(Settings):
    """What is searched, in three parts; only the first costs training."""

    training: dict[str, Space] = Field(default_factory=dict)
    """Keys of the recipe, as `lora.r`, or by their last part alone where only one key ends so."""
    decoding: dict[str, Space] = Field(default_factory=dict)
    """Keys of `captioner.decoding`: each trained model writes with all of these."""
    clustering: dict[str, Space] = Field(default_factory=dict)
    """Keys of `cluster`: captions are held against the posts of all of these groupings."""


class AshaSettings(Settings):
    """When ASHA (Li et al. 2020, arXiv 1810.05934) stops a trial early, counted in the optimizer's own steps."""

    grace_steps: Count = 1
    """Steps that every trial may take."""
    reduction_factor: Annotated[float, Field(gt=1)] = 3.0
    """At each rung the best one in so many goes on."""


class BudgetSettings(Settings):
    """Where the sweep ends."""

    trials: Count = 12
    """Most models that are trained, the recipe's own defaults among them."""
    hours: Annotated[float, Field(gt=0)] | None = None
    """Most hours of all runs of the sweep together; what is running then is stopped."""
    decodings: Count = 8
    """Most decodings that each trained model writes with, the default one among them; drawn where there are more."""
    groupings: Count = 12
    """Most groupings, the default one among them; drawn where there are more."""


class ResourceSettings(Settings):
    """What one trial is given."""

    cpus: Annotated[float, Field(gt=0)] = 1
    """CPUs of Ray, and threads."""
    gpus: Annotated[float, Field(ge=0)] = 0
    """GPUs of Ray; a fraction lets trials share one."""
    parallel: Count | None = None
    """Most trials at a time; null takes as many as the cluster has room for."""


class ClipSettings(Settings):
    """The CLIP model that captions are held against photos by, and photos are grouped by."""

    model: str | None = None
    """As `embeddings.model` of the pipeline; null takes the pipeline's default, or `mini` where that is not here."""
    pretrained: str | None = None
    """OpenCLIP's name for the weights; not used for `mini`, `hf-hub:` and folders."""


class SweepSettings(Settings):
    """All settings of one sweep."""

    recipe: Annotated[str, Field(min_length=1)]
    """What is trained: a shipped recipe's name or a YAML file. Its settings are the defaults that are to be beaten."""
    set_: Annotated[dict[str, Any], BeforeValidator(_as_settings)] = Field(default_factory=dict, alias="set")
    """Settings of the recipe that are changed for all trials, by dotted key."""
    data: DataSettings = DataSettings()
    param_space: ParamSpace = ParamSpace()
    searcher: Literal["random", "grid", "optuna"] = "random"
    """How training parameters are chosen: at random, all combinations in order, or by Optuna's TPE (Bergstra et al.
    2011), which learns from the trials before."""
    objective: Literal["rougeL", "clip", "both"] = "rougeL"
    """What is to be high: agreement with the club's own captions, fit of captions to their photos (clip_cosine), or
    both, which gives a Pareto front."""
    grouping: Literal["gain", "silhouette"] = "gain"
    """What makes a grouping good: how much better posts' captions fit their own photos than photos put into the posts
    at random would, or how well apart the photos lie."""
    scheduler: Literal["none", "asha"] = "none"
    asha: AshaSettings = AshaSettings()
    budget: BudgetSettings = BudgetSettings()
    resources: ResourceSettings = ResourceSettings()
    clip: ClipSettings = ClipSettings()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of all that is drawn: parameters, decodings, groupings, bootstrap. The recipe has its own."""

    @model_validator(mode="after")
    def _grid_can_be_listed(self) -> "SweepSettings":
        endless = [name for name, space in self.param_space.training.items() if space.listed is None]
        if self.searcher == "grid" and endless:
            raise ValueError(f"searcher: grid needs values that can be listed; {', '.join(endless)} is a range")
        return self

    @model_validator(mode="after")
    def _asha_has_one_measure(self) -> "SweepSettings":
        if self.scheduler == "asha" and self.objective == "clip":
            raise ValueError(
                "scheduler: asha stops by the recipe's monitored metric; objective: clip is not known then"
            )
        return self
