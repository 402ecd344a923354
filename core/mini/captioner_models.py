"""The mini captioners before training: tokenizers for any text, image processors, models of the real classes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.mini.lexicon import known_words
from core.mini.views import MEAN, STD

WORDS_FILE = Path(__file__).parent / "words.txt"
TEMPLATE = (
    "Write a short Instagram caption for a photography club post about a college event event moments . "
    "Focus on: Keep it natural and clean. No hashtags."
)
CHARACTERS = (
    "".join(map(chr, range(33, 127)))
    + "".join(map(chr, range(0xA1, 0x100)))
    + "‘’“”–—…•€™✓₹\ufe0f\u200d📸📷✨🎉🎊❤🔥😍🙌👏🎶🎤🏆🥇🌙🌅🌟⭐💫💖💙🤩😄⚽🏀🍕🎂🌲🌊➡👉"
)
SUFFIXES = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "est", "y", "ful", "ness", "less", "ment", "tion", "able")
WORD_SCORE, SUFFIX_SCORE, CHARACTER_SCORE = -10.0, -14.0, -20.0  # so that the fewest pieces win
SPACE = "▁"
BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
IMAGE_SIZE, PATCH_SIZE = 112, 14
VISION: dict[str, Any] = {
    "image_size": IMAGE_SIZE,
    "patch_size": PATCH_SIZE,
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "hidden_act": "gelu",
}
TEXT_WIDTH, QUERIES = 128, 12


@dataclass(frozen=True, kw_only=True)
class Family:
    """How one family is built: its prompt, and functions that make processor and model."""

    prompt: str
    processor: Callable[[], Any]
    model: Callable[[Any], Any]


def whole_words() -> list[str]:
    """Every word that is one token, as it stands and capitalised, sorted."""
    lines = WORDS_FILE.read_text(encoding="utf-8").splitlines()
    listed = {word for line in lines if not line.startswith("#") for word in line.split()}
    template = {word.strip(".,:") for word in TEMPLATE.split()}
    plain = listed | set(known_words()) | {word for word in template if len(word) > 1}
    return sorted(plain | {word.capitalize() for word in plain})


def wordpiece_vocabulary() -> dict[str, int]:
    """Token → id for BertTokenizer: special tokens, characters, continuations, words."""
    continued = [f"##{piece}" for piece in (*CHARACTERS, *SUFFIXES)]
    tokens = dict.fromkeys([*BERT_SPECIAL, *CHARACTERS, *continued, *whole_words()])
    return {token: index for index, token in enumerate(tokens)}


def unigram_vocabulary() -> list[tuple[str, float]]:
    """(piece, score) for T5Tokenizer: special tokens, characters, suffixes, words."""
    pieces = dict.fromkeys(("<pad>", "</s>", "<unk>"), 0.0)
    pieces |= dict.fromkeys((SPACE, *CHARACTERS), CHARACTER_SCORE)
    pieces |= {SPACE + character: CHARACTER_SCORE for character in CHARACTERS}
    pieces |= {suffix: SUFFIX_SCORE for suffix in SUFFIXES if len(suffix) > 1}
    pieces |= {SPACE + word: WORD_SCORE for word in whole_words()}
    return list(pieces.items())


def git_processor() -> Any:
    """A GitProcessor: cased BERT word pieces, the whole photo squashed to a square."""
    from transformers import BertTokenizer, CLIPImageProcessor, GitProcessor

    tokenizer = BertTokenizer(vocab=wordpiece_vocabulary(), do_lower_case=False, strip_accents=False)
    images = CLIPImageProcessor(**_square(), do_center_crop=False)
    return GitProcessor(images, tokenizer)


def git_model(processor: Any) -> Any:
    """A fresh GitForCausalLM."""
    from transformers import GitConfig, GitForCausalLM

    tokenizer = processor.tokenizer
    config = GitConfig(
        vision_config=VISION,
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=256,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        tie_word_embeddings=True,
    )
    model = GitForCausalLM(config)
    with torch.no_grad():  # large enough that words which no canonical caption holds stay apart, to be learnt later
        nn.init.normal_(model.get_input_embeddings().weight, std=TEXT_WIDTH**-0.5)
    return model


def blip2_processor() -> Any:
    """A Blip2Processor: unigram pieces, QUERIES image tokens, the whole photo squashed to a square."""
    from transformers import Blip2Processor, BlipImageProcessor, T5Tokenizer

    tokenizer = T5Tokenizer(vocab=unigram_vocabulary(), extra_ids=0)
    return Blip2Processor(BlipImageProcessor(**_square()), tokenizer, num_query_tokens=QUERIES)


def blip2_model(processor: Any) -> Any:
    """A fresh Blip2ForConditionalGeneration with a language model shaped as flan-t5 is."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration

    tokenizer = processor.tokenizer
    qformer = {
        "vocab_size": 8,  # its own words are never used
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 2 * TEXT_WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "cross_attention_frequency": 1,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    text = {
        "model_type": "t5",
        "vocab_size": len(tokenizer),
        "d_model": TEXT_WIDTH,
        "d_kv": 32,
        "d_ff": 2 * TEXT_WIDTH,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": 4,
        "dropout_rate": 0.0,
        "feed_forward_proj": "gated-gelu",
        "decoder_start_token_id": tokenizer.pad_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = Blip2Config(
        vision_config=VISION | {"initializer_range": 0.02},
        qformer_config=qformer,
        text_config=text,
        num_query_tokens=QUERIES,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    model = Blip2ForConditionalGeneration(config)
    with torch.no_grad():
        model.query_tokens.normal_(0, 0.5)
        nn.init.normal_(model.language_projection.weight, std=TEXT_WIDTH**-0.5)
    return model


FAMILIES: dict[str, Family] = {
    "git": Family(prompt="", processor=git_processor, model=git_model),
    "blip2": Family(prompt="a photo of", processor=blip2_processor, model=blip2_model),
}


def vision_tower(model: Any) -> Any:
    """The part that sees, of either family; its `last_hidden_state` is (N, 1 + patches, D)."""
    return model.git.image_encoder if hasattr(model, "git") else model.vision_model


def _square() -> dict[str, Any]:
    return {
        "size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "resample": 3,  # bicubic
        "image_mean": [MEAN] * 3,
        "image_std": [STD] * 3,
    }
