"""Settings: defaults, files, overrides, and what is said when they are wrong."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from core.config import DEFAULTS_PATH, config_hash, load_config
from core.errors import ConfigError
from core.settings import PipelineConfig

CLUB_YAML = """\
pipeline: [ingest, dedupe_quality, categorize, cluster, captioner, publisher]
embeddings: {backend: openclip, model: ViT-B-32, pretrained: laion2b_s34b_b79k, device: cpu}
dedupe: {method: clip, clip_threshold: 0.800, near_dup_threshold: 5}
categorize:
  labels: ["group photo", "people", "nature", "Lord Ganesha", "food", "night"]
  threshold: 0.40
  topk: 3
cluster: {use_clip: true, k: auto, max_images_per_post: 6, use_label_features: false, label_weight: 0.35,
  label_norm: zscore, fuse_normalize: true}
selection: {k: 48}
captioner:
  mode: "template"            # template | blip2 | hybrid
  montage_max_tiles: 9
  montage_tile_px: 384
  adapter_path: "checkpoints/lora_blip2_montage/best"
  max_hashtags: 15
  include_swipe_hint: false
  calc_clipscore: true
  openers: ["Highlights from", "Moments from", "Scenes from", "Snapshots of"]
  base_hashtags: ["#IITGuwahati", "#Montage", "#PhotographyClub"]
  label_hashtags: {"portrait": ["#Portrait", "#Faces"], "group photo": ["#GroupShot", "#Team"]}
publisher: {enabled: false, dry_run: true}
"""


def test_a_clubs_existing_file_loads_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "club.yaml"
    path.write_text(CLUB_YAML)
    loaded = load_config(path)
    assert loaded.settings.dedupe.clip_threshold == 0.8
    assert loaded.settings.selection.k == 48
    assert loaded.settings.captioner.label_hashtags["portrait"] == ("#Portrait", "#Faces")
    assert set(loaded.settings.captioner.label_hashtags) == {"portrait", "group photo"}, "a table is replaced whole"
    assert "embeddings.model" in loaded.named


def test_selection_is_also_read_under_cluster(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("cluster:\n  k: 4\n  selection: {k: 12}\n")
    settings = load_config(path).settings
    assert (settings.selection.k, settings.cluster.k) == (12, 4)


def test_nothing_is_named_by_default() -> None:
    assert load_config().named == frozenset()
    assert load_config(overrides=["embeddings.model=mini"]).named == {"embeddings.model"}


def test_later_overrides_win_over_earlier_ones_and_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("cluster: {k: 3}\n")
    assert load_config(path, overrides=["cluster.k=5", "cluster.k=7"]).settings.cluster.k == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dedupe: {clip_treshold: 0.8}",
            r"c\.yaml:1: unknown key 'dedupe\.clip_treshold'; did you mean 'clip_threshold'",
        ),
        ("seed: 1\nclustre: {k: 3}", r"c\.yaml:2: unknown key 'clustre'; did you mean 'cluster'"),
        ("cluster: {k: many}", r"cluster\.k: expected auto or a whole number of at least 1, got 'many'"),
        ("cluster:\n  k: 0", r"c\.yaml:2: cluster\.k: expected auto or a whole number"),
        ("pipeline: [ingest, clustr]", r"got 'clustr'; did you mean 'cluster'"),
        ("pipeline: [cluster, ingest]", r"stages must start with ingest"),
        ("captioner: {mode: []}", r"captioner: mode is empty; name at least one captioner"),
        ("captioner:\n  mode: blip2,blip2", r"mode names a captioner twice"),
        ("captioner: {mode: [blip2, gti]}", r"got 'gti'; did you mean 'git'"),
        ("captioner: {variants: 4}", r"4 variants need decoding\.do_sample or at least 4 beams, got num_beams 3"),
        ("captioner: {decoding: {do_sample: true}}", r"do_sample needs num_beams 1, got 3"),
        ("captioner: {prompt: 'a {photo}'}", r"prompt may hold \{event\} and \{labels\}, got \{photo\}"),
        ("cluster: 3", r"cluster expects keys .*got 3"),
        ("cluster:", r"cluster expects keys .*got nothing"),
        ("dedupe: {clip_threshold: 1.5}", r"c\.yaml:1: dedupe\.clip_threshold: .*1\.5"),
        ("captioner: {base_hashtags: [club]}", r"a hashtag is '#' and then letters without spaces, got 'club'"),
        ("categorize: {prompts: [a photo]}", r"every prompt must hold \{label\}"),
        ("cluster: {use_clip: false}", r"nothing to group photos by"),
        ("publisher: {enabled: true, dry_run: false}", r"this version cannot post"),
        ("selection: {k: 4}\ncluster: {selection: {k: 5}}", r"selection is given twice"),
        ("seed: 1\nseed: 2", r"c\.yaml:2: 'seed' is given twice"),
        ('categorize: {prompts: ["{label} at {event}"]}', r"every prompt must hold \{label\} and no other braces"),
        ("categorize: {labels: []}", r"categorize\.labels: .*at least 1 item"),
        ("export: {min_aspect: 2}", r"min_aspect \(2\.0\) is larger than max_aspect"),
        ("a: &a\n  b: *a", r"unknown key 'a'"),
        ("- a\n- b", r"expected keys and values, got list"),
        ("a: [", r"not valid YAML"),
    ],
)
def test_wrong_settings_are_refused_with_place_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("cluster.kk=3", r"--set cluster\.kk=3: unknown key 'cluster\.kk'"),
        ("seed", r"--set expects key=value"),
        ("seed.deep=1", r"seed|unknown|number"),
    ],
)
def test_wrong_overrides_are_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(overrides=[override])


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the config .*nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


def test_hash_follows_the_values() -> None:
    base = load_config().settings
    assert config_hash(base) == config_hash(load_config().settings)
    assert config_hash(base) != config_hash(load_config(overrides=["seed=1"]).settings)


def test_every_setting_is_documented_and_stands_in_the_defaults() -> None:
    defaults = yaml.safe_load(DEFAULTS_PATH.read_text(encoding="utf-8"))

    def check(model: type[BaseModel], values: dict[str, object], where: str) -> None:
        assert set(model.model_fields) == set(values), where
        for name, field in model.model_fields.items():
            section = field.annotation
            if isinstance(section, type) and issubclass(section, BaseModel):
                check(section, values[name], f"{where}{name}.")  # type: ignore[arg-type]
            else:
                assert field.description, f"{where}{name} has no docstring"
                assert field.is_required(), f"{where}{name} has a second default in the code"

    check(PipelineConfig, defaults, "")
