"""Train a model by a recipe: the one function that the command and Ray call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ModelError, MontageError
from core.store import Store
from core.training.arguments import trainer_arguments
from core.training.base_model import find_base_model
from core.training.card import write_card
from core.training.clip_fit import open_clip_judge
from core.training.collate import Collator
from core.training.curves import draw_curves
from core.training.data import TrainingData, records_checksum, training_data
from core.training.dataset import Captions, check_room, count_tokens, prompt_template
from core.training.estimate import estimate
from core.training.evaluation import Evaluation, Evaluator, write_evaluation
from core.training.features import FrozenFeatures, TrainingPhotos, why_features_are_off
from core.training.freeze import parts_to_train, trained_parts
from core.training.launch import BatchShare, is_main_process, load_settings, one_by_one, process_count, share_of_batch
from core.training.learner import LearningModel, learner
from core.training.optim import own_optimizer
from core.training.padding import PaddedCollator, PaddedDataset
from core.training.recipe import LoadedRecipe
from core.training.run_folder import RunFolder, provenance
from core.training.run_result import TrainingRun, evaluated, told
from core.training.settings import Recipe
from core.training.shard import check_shardable, shard, sharded_trainer_class
from core.training.trainer import Report, callbacks, trainer_class
from core.training.weights import (
    STATE_FILE,
    is_over,
    last_checkpoint,
    load_trained,
    put_back,
    save_complete,
    save_trained,
)
from core.vlm.family import IGNORED

__all__ = ["Progress", "Tell", "TrainingRun", "train"]

Progress = Callable[[str, int, int], None]
Tell = Callable[[str], None]


def train(
    loaded: LoadedRecipe,
    out: Path,
    *,
    store: Store,
    resume: bool = False,
    command: str = "",
    progress: Progress = lambda what, done, total: None,
    tell: Tell = lambda sentence: None,
    report: Report = lambda step, metrics, checkpoint: None,
    shared_batch: bool = False,
    sharded: bool = False,
) -> TrainingRun:
    """Fine-tune a model on a club's captions.

    Args:
        out: the run's folder.
        store: where what the vision side makes of the photos is kept.
        resume: go on from the newest whole checkpoint in the folder, if there is one.
        command: that was given, for the record.
        progress: called with (what is done, done, in all).
        tell: called with sentences for the user, as they come up.
        report: called after each evaluation and each checkpoint, on every process equally often, with the step, what
            was logged there, and the folder of the checkpoint or None; true on the main process ends the training as
            if its last step were done.
        shared_batch: the recipe's batch is what all processes learn from in a step; else each has one of its own.
        sharded: divide what is trained among the processes (`core.training.shard`), where there are several.

    Raises:
        ConfigError, InputError, ModelError, OutputError: see their messages.
    """
    if sharded:
        check_shardable(loaded.recipe)
    run = _Run(
        loaded=loaded,
        recipe=loaded.recipe,
        folder=RunFolder(out),
        store=store,
        command=command,
        progress=progress,
        tell=tell,
        report=report,
        share=share_of_batch(loaded.recipe, process_count() if shared_batch else 1),
        sharded=sharded and process_count() > 1,
    )
    if is_main_process():
        run.folder.begin(loaded.recipe, resume=resume)
    try:
        return run.go()
    except MontageError:
        if is_main_process():
            run.folder.give_up()
        raise


@dataclass(kw_only=True)
class _Run:
    """One run, from its recipe to its folder."""

    loaded: LoadedRecipe
    recipe: Recipe
    folder: RunFolder
    store: Store
    command: str
    progress: Progress
    tell: Tell
    report: Report
    share: BatchShare
    """What this process does of each step."""
    sharded: bool
    """The processes share the weights among them."""
    notices: list[str] = field(default_factory=list)
    evaluations: dict[int, Evaluation] = field(default_factory=dict)

    def go(self) -> TrainingRun:
        begun = time.perf_counter()
        checkpoint, notice = find_base_model(self.recipe.base_model)
        self._notice(notice)
        prompt = prompt_template(self.recipe, checkpoint.prompt)
        model = LearningModel(checkpoint, load_settings(self.recipe), prompt)
        data = training_data(self.recipe)
        photos = TrainingPhotos(root=data.image_root, scale=self.recipe.features.photo_scale)
        with one_by_one(model.device):  # the main process fills the store, the others find it full
            data, features = self._see(model, data, photos)
        for sentence in data.notices:
            self._notice(sentence)
        self.folder.write_problems(data.problems)
        check_room(model, (*data.train, *data.validation), self.recipe)
        self._record(model, data, photos)
        self._predict(data)
        evaluator = self._evaluator(model, data, photos, features)
        trainer = self._trainer(model, data, photos, features, evaluator)
        if is_main_process():
            put_back(self.folder.best)
        reached = last_checkpoint(self.folder.checkpoints)
        if reached is not None and is_over(reached):  # the Trainer would make another step
            load_trained(model.model, reached)
            trainer.state = trainer.state.load_from_json(str(reached / STATE_FILE))
            trainer.judge_once()
        else:
            trainer.args.eval_on_start = self.recipe.eval.baseline and reached is None
            trainer.train(resume_from_checkpoint=None if reached is None else str(reached))
            trainer.collect()
        return self._finish(trainer, model, time.perf_counter() - begun)

    def _see(
        self, model: LearningModel, data: TrainingData, photos: TrainingPhotos
    ) -> tuple[TrainingData, FrozenFeatures | None]:
        """Load the model as training needs it, with every photo's features in the store or with its vision side."""
        off = why_features_are_off(self.recipe, model.family, parts_to_train(self.recipe, model.family))
        if off is None:
            features = FrozenFeatures(model, photos, self.store)
            missing = features.missing(data.images)
            if missing:
                failed = features.compute(
                    missing,
                    batch_size=self.recipe.features.batch_size,
                    progress=lambda done, total: self.progress("features", done, total),
                )
                data = data.without(failed)
            whole = not self.recipe.lora.enabled  # a full fine-tune saves the vision side, too
            if missing and not whole:
                model.drop_vision()
            elif not whole:
                model.load_without_vision()
        else:
            features = None
            self._notice(off)
            data = data.without(photos.unreadable(data.images, model))
        model.prepare(self.recipe)
        trained = trained_parts(model.model, model.family)
        if features is not None and why_features_are_off(self.recipe, model.family, trained):
            raise ModelError(f"{model.name}: stored features do not serve where {', '.join(trained)} is trained")
        return data, features

    def _record(self, model: LearningModel, data: TrainingData, photos: TrainingPhotos) -> None:
        train = self.recipe.train
        tokens = count_tokens(data.train, model.processor.tokenizer, train.max_seq_len, references=train.references)
        if tokens.cut:
            self._notice(
                f"{tokens.cut} of {len(tokens.lengths)} captions have more than train.max_seq_len "
                f"({train.max_seq_len}) tokens and are cut"
            )
        self.folder.tell(
            {
                "recipe": self.loaded.name,
                **provenance(self.recipe, command=self.command),
                "base": {"name": model.checkpoint.name, "family": model.family.name, "checksum": model.checkpoint.key},
                "prompt": model.prompt.model_dump(exclude_defaults=True),
                "data": {
                    "train": {"records": len(data.train), "checksum": records_checksum(data.train, photos)},
                    "validation": {
                        "records": len(data.validation),
                        "checksum": records_checksum(data.validation, photos),
                    },
                    "caption_tokens": tokens.total,
                },
                "parameters": model.parameter_counts(),
                "processes": process_count(),
                "image_root": str(data.image_root),
                "notices": self.notices,
            }
        )

    def _predict(self, data: TrainingData) -> None:
        """Say what the run will take; one that cannot be predicted goes on."""
        try:
            self.tell(estimate(self.recipe, data=data).sentence)
        except MontageError as error:
            self._notice(f"time and memory cannot be predicted: {error}")

    def _evaluator(
        self, model: LearningModel, data: TrainingData, photos: TrainingPhotos, features: FrozenFeatures | None
    ) -> Callable[[int], dict[str, float]]:
        evaluator = Evaluator(
            settings=self.recipe.eval,
            prompt=model.prompt,
            photos=photos,
            features=features,
            clip=open_clip_judge(self.recipe.clipscore, self.store),
            training_captions=[caption for record in data.train for caption in record.captions],
            max_caption_tokens=self.recipe.train.max_seq_len,
            batch_size=self.recipe.train.per_device_eval_batch_size,
            seed=self.recipe.train.seed,
            progress=self.progress,
        )

        def judge(step: int) -> dict[str, float]:
            evaluation = evaluator.evaluate(model, data.validation, step=step)
            self.evaluations[step] = evaluation
            write_evaluation(self.folder.evaluation(step), evaluation, image_root=data.image_root)
            for sentence in evaluation.notices:
                self._notice(sentence)
            self.tell(told(evaluation, self.recipe.eval.samples))
            return dict(evaluation.metrics)

        return judge

    def _trainer(
        self,
        model: LearningModel,
        data: TrainingData,
        photos: TrainingPhotos,
        features: FrozenFeatures | None,
        judge: Callable[[int], dict[str, float]],
    ) -> Any:
        from transformers import PrinterCallback

        dataset = Captions(data.train, model, self.recipe, photos, features=features)
        shards = shard(model) if self.sharded else None
        kind = trainer_class() if shards is None else sharded_trainer_class(trainer_class())
        trainer = kind(
            model=learner(model) if shards is None else shards.learner,
            args=trainer_arguments(self.recipe, self.folder.path, device=model.device, share=self.share),
            data_collator=PaddedCollator(Collator(model), IGNORED),
            train_dataset=PaddedDataset(dataset),
            eval_dataset=data.validation,
            optimizer_cls_and_kwargs=own_optimizer(self.recipe.train),
            callbacks=callbacks(
                dataset, self.recipe.eval.early_stopping_patience, lambda d, t: self.progress("train", d, t)
            ),
        )
        trainer.remove_callback(PrinterCallback)  # `tell` says it better
        if shards is not None:
            trainer.set_shards(shards)
        trainer.setup(
            schedule=self.recipe.train.schedule,
            judge=judge,
            save=lambda folder: save_trained(model, folder),
            keep_best=lambda step: self._keep_best(model, step),
            write_log=self.folder.write_log,
            report=self.report,
        )
        return trainer

    def _keep_best(self, model: LearningModel, step: int) -> None:
        save_complete(model, self.folder.best)
        self.folder.tell({"best_step": step})

    def _finish(self, trainer: Any, model: LearningModel, seconds: float) -> TrainingRun:
        state, about = trainer.state, self.folder.about()
        if trainer.was_stopped:
            self._notice(f"training was stopped after step {state.global_step} of {state.max_steps}")
        run = TrainingRun(
            folder=self.folder.path,
            chosen=self.folder.best if self._has_best() else self.folder.last,
            steps=state.global_step,
            epochs=float(state.epoch or 0),
            seconds=seconds,
            best_step=about.get("best_step"),
            baseline=evaluated(state.log_history, 0),
            metrics=evaluated(state.log_history, about.get("best_step")),
            notices=tuple(self.notices),
        )
        if trainer.is_world_process_zero():
            save_complete(model, self.folder.last)
            draw_curves(self.folder.path)
            self.folder.tell({"steps": run.steps, "epochs": run.epochs, "finished": True, "notices": self.notices})
            write_card(self.folder.path)
        return run

    def _has_best(self) -> bool:
        return self.recipe.train.load_best_model_at_end and self.folder.best.is_dir()

    def _notice(self, sentence: str | None) -> None:
        if sentence and sentence not in self.notices:
            self.notices.append(sentence)
            self.tell(f"Note: {sentence}")
