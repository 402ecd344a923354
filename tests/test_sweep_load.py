"""A sweep's YAML: what is taken, what is refused, and how the refusal reads."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import DecodingSettings
from distributed.sweep_load import load_sweep, searchable_keys
from distributed.sweep_variants import decodings_of, groupings_of

SHIPPED = Path(__file__).parents[1] / "tune_configs"


def write(folder: Path, text: str) -> Path:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["lora_sweep", "decoding_sweep", "cluster_sweep", "joint_sweep"])
@pytest.mark.parametrize("smoke", [False, True])
def test_shipped_sweeps_load(name: str, smoke: bool) -> None:
    loaded = load_sweep(SHIPPED / f"{name}.yaml", smoke=smoke)
    assert loaded.name == (f"{name}-smoke" if smoke else name)


def test_the_joint_sweep_is_as_large_as_promised() -> None:
    settings = load_sweep(SHIPPED / "joint_sweep.yaml").settings
    assert settings.budget.trials >= 12
    assert len(decodings_of(settings.param_space.decoding, settings.budget.decodings, seed=settings.seed)) >= 8
    ks = {one.k for one in groupings_of(settings.param_space.clustering, settings.budget.groupings, seed=0)}
    assert len(ks) >= 3


def test_keys_by_their_end_by_another_name_and_in_full(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "recipe: mini-montage\nparam_space:\n  training:\n    r: [2, 4]\n"
        "    learning_rate: {loguniform: [1.0e-4, 1.0e-2]}\n"
        "    train.schedule: [cosine, rex]\n    lora: {dropout: {uniform: [0, 0.1]}}\n",
    )
    spaces = load_sweep(path).settings.param_space.training
    assert list(spaces) == ["lora.r", "train.lr", "train.schedule", "lora.dropout"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sercher: grid", r"a.yaml:2: unknown key 'sercher'; did you mean 'searcher'"),
        ("budget: {trails: 3}", r"a.yaml:2: unknown key 'budget.trails'; did you mean 'trials'"),
        ("param_space: {training: {lora.rr: [1]}}", "unknown key 'lora.rr'; did you mean 'lora.r'"),
        ("param_space: {training: {r: {choises: [1]}}}", "param_space.training.r: 'choises'; did you mean 'choices'"),
        ("param_space: {training: {seed: [1, 2]}, clustering: {kk: [1]}}", "kk: unknown key; did you mean 'k'"),
        (
            "param_space: {training: {lr: {uniform: [0.1, 5]}}}",
            "training.train.lr: 5.0: .*less than or equal",
        ),
        ("param_space: {training: {lora.r: [4, many]}}", "param_space.training.lora.r: 'many': .*valid integer"),
        ("param_space: {decoding: {num_beams: [1, 99]}}", "param_space.decoding.num_beams: 99"),
        ("param_space: {training: {base_model: [a, b]}}", "the same for all trials"),
        (
            "param_space: {training: {lr: {loguniform: [1.0e-4, 1.0e-3]}}}\nsearcher: grid",
            "listed; lr is a range",
        ),
        ("param_space: {training: {epochs: [1, 2]}}\nset: {train.max_steps: 9}", "epochs make no difference"),
        ("set: {train.lrr: 1}", "--set train.lrr=1: unknown key 'train.lrr'; did you mean 'lr'"),
        ("objective: clip\nscheduler: asha", "asha stops by the recipe's monitored metric"),
        ("budget: {hours: -1}", "budget.hours: Input should be greater than 0"),
        ("searcher: grit", "did you mean 'grid'"),
    ],
)
def test_what_no_trial_could_have_is_refused_before_anything_runs(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_sweep(write(tmp_path, f"recipe: mini-montage\n{text}\n"))


def test_club_data_needs_a_test_part(tmp_path: Path) -> None:
    text = f"recipe: mini-montage\ndata: {{train: {tmp_path}/train.jsonl, val: {tmp_path}/val.jsonl}}\n"
    with pytest.raises(ConfigError, match=r"data\.test is not set"):
        load_sweep(write(tmp_path, text))


def test_set_reaches_the_sweep_and_the_recipe(tmp_path: Path) -> None:
    path = write(tmp_path, "recipe: mini-montage\nset: {train.max_steps: 60}\nsmoke: {budget: {trials: 2}}\n")
    loaded = load_sweep(path, overrides=["set.train.max_steps=7", "objective=both"], smoke=True)
    assert loaded.recipe.recipe.train.max_steps == 7
    assert loaded.settings.objective == "both"
    assert loaded.settings.budget.trials == 2
    assert not loaded.recipe.recipe.eval.baseline, "the untrained model is the same in each trial"


def test_a_sweep_without_smoke_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no smoke: section"):
        load_sweep(write(tmp_path, "recipe: mini-montage\n"), smoke=True)


def test_data_and_figures_are_not_searched() -> None:
    keys = searchable_keys()
    assert {"lora.r", "lora.alpha", "train.lr", "train.max_steps", "lora.target_modules"} <= set(keys)
    assert not any(key.startswith(("train.rendered", "cleaning", "eval.normalize")) for key in keys)


def test_decodings_with_the_same_effect_are_listed_once(tmp_path: Path) -> None:
    text = (
        "recipe: mini-montage\nparam_space:\n  decoding:\n    num_beams: [1, 2]\n    length_penalty: [0.5, 1.0]\n"
        "    no_repeat_ngram_size: [3]\n    do_sample: [false, true]\n    temperature: [0.7, 1.0]\n"
    )
    spaces = load_sweep(write(tmp_path, text)).settings.param_space.decoding
    found = decodings_of(spaces, 100, seed=0)
    told = [(one.num_beams, one.length_penalty if one.num_beams > 1 else None, one.do_sample) for one in found]
    # The default (3 beams); greedy once, whatever the penalty; 2 beams with either; sampling at two temperatures.
    assert len(found) == 6
    assert told[0] == (3, 1.0, False)
    assert told.count((1, None, False)) == 1
    assert told.count((1, None, True)) == 2


def test_too_many_decodings_are_drawn_and_the_default_stays(tmp_path: Path) -> None:
    text = "recipe: mini-montage\nparam_space: {decoding: {max_new_tokens: {int: [1, 500]}}}\n"
    spaces = load_sweep(write(tmp_path, text)).settings.param_space.decoding
    found = decodings_of(spaces, 5, seed=1)
    assert len(found) == 5
    assert found[0].max_new_tokens == 48
    assert found == decodings_of(spaces, 5, seed=1)
    assert isinstance(found[0], DecodingSettings)
