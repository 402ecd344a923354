"""The published models' configurations, so that a dry run needs neither their weights nor a network.

They are the hub's `config.json` files, as far as they say something that the classes' defaults do not.
"""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "BLIP2", "BLIP_BASE", "FLAN_T5_XL", "FLORENCE_2_BASE", "FLORENCE_2_LARGE", "GIT_BASE", "OPT_2_7B", "PUBLISHED",
]  # fmt: skip

BLIP2: dict[str, Any] = {
    "architectures": ["Blip2ForConditionalGeneration"],
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "model_type": "blip-2",
    "num_query_tokens": 32,
    "qformer_config": {"classifier_dropout": None, "model_type": "blip_2_qformer"},
    "torch_dtype": "float32",
    "vision_config": {
        "dropout": 0.0,
        "initializer_factor": 1.0,
        "model_type": "blip_2_vision_model",
        "num_channels": 3,
        "projection_dim": 512,
    },
}
FLAN_T5_XL: dict[str, Any] = {
    "architectures": ["T5ForConditionalGeneration"],
    "bos_token_id": 1,
    "d_ff": 5120,
    "d_kv": 64,
    "d_model": 2048,
    "decoder_start_token_id": 0,
    "dense_act_fn": "gelu",
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu",
    "is_encoder_decoder": True,
    "is_gated_act": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "n_positions": 512,
    "num_decoder_layers": 24,
    "num_heads": 32,
    "num_layers": 24,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_max_distance": 128,
    "relative_attention_num_buckets": 32,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_size": 32128,
}
OPT_2_7B: dict[str, Any] = {
    "_name_or_path": "facebook/opt-2.7b",
    "activation_dropout": 0.0,
    "architectures": ["OPTForCausalLM"],
    "eos_token_id": 50118,
    "ffn_dim": 10240,
    "hidden_size": 2560,
    "model_type": "opt",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "prefix": "</s>",
    "torch_dtype": "float16",
    "word_embed_proj_dim": 2560,
}
GIT_BASE: dict[str, Any] = {
    "architectures": ["GitForCausalLM"],
    "attention_probs_dropout_prob": 0.1,
    "bos_token_id": 101,
    "eos_token_id": 102,
    "hidden_act": "gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "max_position_embeddings": 1024,
    "model_type": "git",
    "num_attention_heads": 12,
    "num_hidden_layers": 6,
    "num_image_with_embedding": None,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
    "vision_config": {"model_type": "git_vision_model", "dropout": 0.0, "projection_dim": 512, "patch_size": 16},
    "vocab_size": 30522,
}
FLORENCE_2_BASE: dict[str, Any] = {
    "architectures": ["Florence2ForConditionalGeneration"],
    "image_token_id": 51289,
    "model_type": "florence2",
    "text_config": {
        "model_type": "bart",
        "vocab_size": 51328,
        "d_model": 768,
        "encoder_layers": 6,
        "decoder_layers": 6,
        "encoder_attention_heads": 12,
        "decoder_attention_heads": 12,
        "encoder_ffn_dim": 3072,
        "decoder_ffn_dim": 3072,
        "max_position_embeddings": 1024,
    },
    "vision_config": {
        "model_type": "florence_vision",
        "depths": [1, 1, 9, 1],
        "embed_dim": [128, 256, 512, 1024],
        "num_groups": [4, 8, 16, 32],
        "num_heads": [4, 8, 16, 32],
        "patch_size": [7, 3, 3, 3],
        "projection_dim": 768,
        "window_size": 12,
    },
}
BLIP_BASE: dict[str, Any] = {
    "architectures": ["BlipForConditionalGeneration"],
    "image_text_hidden_size": 256,
    "model_type": "blip",
    "projection_dim": 512,
    "text_config": {
        "model_type": "blip_text_model",
        "is_decoder": True,
        "vocab_size": 30524,
        "encoder_hidden_size": 768,
    },
    "vision_config": {"model_type": "blip_vision_model", "image_size": 384, "num_channels": 3},
}

FLORENCE_2_LARGE: dict[str, Any] = {
    **FLORENCE_2_BASE,
    "text_config": {
        "model_type": "bart",
        "vocab_size": 51328,
        "d_model": 1024,
        "encoder_layers": 12,
        "decoder_layers": 12,
        "encoder_attention_heads": 16,
        "decoder_attention_heads": 16,
        "encoder_ffn_dim": 4096,
        "decoder_ffn_dim": 4096,
        "max_position_embeddings": 4096,
    },
    "vision_config": {
        "model_type": "florence_vision",
        "depths": [1, 1, 9, 1],
        "embed_dim": [256, 512, 1024, 2048],
        "num_groups": [8, 16, 32, 64],
        "num_heads": [8, 16, 32, 64],
        "patch_size": [7, 3, 3, 3],
        "projection_dim": 1024,
        "window_size": 12,
    },
}

PUBLISHED: Mapping[str, dict[str, Any]] = {
    "Salesforce/blip2-flan-t5-xl": {**BLIP2, "text_config": FLAN_T5_XL},
    "Salesforce/blip2-opt-2.7b": {**BLIP2, "text_config": OPT_2_7B},
    "microsoft/git-base": GIT_BASE,
    "microsoft/git-base-coco": GIT_BASE,
    "florence-community/Florence-2-base": FLORENCE_2_BASE,
    "florence-community/Florence-2-base-ft": FLORENCE_2_BASE,
    "florence-community/Florence-2-large": FLORENCE_2_LARGE,
    "florence-community/Florence-2-large-ft": FLORENCE_2_LARGE,
    "Salesforce/blip-image-captioning-base": BLIP_BASE,
}
"""By repository."""
