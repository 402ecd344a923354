"""`montage caption --ray`: every photo of a whole archive captioned by many workers, instead of posts of one event."""

from pathlib import Path

from core.config import LoadedConfig
from core.errors import ConfigError
from core.registry import adapter_folder, default_results_root
from core.store import default_store_root
from distributed.batch import BatchSettings
from distributed.batch_command import caption_archive

__all__ = ["caption_with_ray"]


def caption_with_ray(
    photos: list[Path],
    event: str,
    out: Path,
    loaded: LoadedConfig,
    *,
    store: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Caption and embed every photo into parquet shards; run again, it goes on where it stopped.

    Raises:
        ConfigError: the mode is no model, or several.
        MontageError: as `distributed.batch.run_batch`.
    """
    captioner = loaded.settings.captioner
    if len(captioner.families) != 1:
        raise ConfigError(
            f"--ray has one model caption each photo, but --mode is {', '.join(captioner.mode)}; name one of blip2, "
            "git, florence2, blip"
        )
    family = captioner.families[0]
    adapter = captioner.adapter_path
    named = None if adapter is None else str(adapter_folder(adapter, default_results_root()).resolve())
    settings = BatchSettings(
        photos=tuple(str(path) for path in photos),
        out=str(out),
        model=family,
        adapter=named,
        event=event,
        store=str((store or default_store_root()).resolve()),
        overwrite=overwrite,
    )
    caption_archive(settings, loaded, as_json=as_json)
