"""What the small CLIP model is trained for.

Legend of shapes: N views of photos, U distinct texts, L labels, P prompts, D dimensions.
Embeddings are of unit length: images (N, D), texts (U, D), labels (L, D), prompts (L, P, D), neutral (D,);
`text_of` (N,) names the text of each view, `photo_of` (N,) its photo, `topic_of` (N,) its topic.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

ALIKE = 0.98  # cosine that two edits of one photo should reach
KIN = (0.6, 0.78)  # cosine of two different scenes of one topic: clusters form, and copies stand out
UNLIKE = 0.1  # cosine that scenes of different topics, or a scene and a texture, should stay below
APART = 0.4  # cosine that two textures should stay below
TEMPERATURE = 0.1


def caption_loss(images: Tensor, texts: Tensor, text_of: Tensor, scale: Tensor) -> Tensor:
    """CLIP's loss where several photos may share one text, and some texts have no photo and only distract."""
    logits = scale * images @ texts.T
    from_image = F.cross_entropy(logits, text_of)
    own = F.one_hot(text_of, len(texts)).float()
    photos = own.sum(0)
    from_text = -(F.log_softmax(logits, dim=0) * own).sum(0)[photos > 0] / photos[photos > 0]
    return (from_image + from_text.mean()) / 2


def label_logits(images: Tensor, labels: Tensor, neutral: Tensor, scale: Tensor) -> Tensor:
    """(N, L): exactly what the product puts through the logistic function."""
    return scale * (images @ (labels - neutral).T)


def prompt_means(prompts: Tensor) -> Tensor:
    """(L, D): each label's prompts averaged, of unit length again."""
    return F.normalize(prompts.mean(1), dim=-1)


def likeness_loss(images: Tensor, photo_of: Tensor, topic_of: Tensor) -> Tensor:
    """Edits of one photo nearly the same, photos of one topic alike, all others apart; topic -1: no scene."""
    cosines = images @ images.T
    same = photo_of[:, None] == photo_of[None, :]
    scene = topic_of >= 0
    kin = (topic_of[:, None] == topic_of[None, :]) & scene[:, None] & ~same
    highest = torch.full_like(cosines, UNLIKE).masked_fill(kin, KIN[1])
    highest = highest.masked_fill(~scene[:, None] & ~scene[None, :], APART)
    itself = torch.eye(len(photo_of), dtype=torch.bool)
    too_far = F.relu(ALIKE - cosines[same & ~itself]).mean()
    too_loose = F.relu(KIN[0] - cosines[kin]).sum() / kin.sum().clamp(min=1)
    too_near = F.relu(cosines - highest).square()[~same].sum() / len(photo_of)
    return 4 * too_far + 2 * too_loose + too_near


def instance_loss(views: Tensor, photo_of: Tensor, queries: Tensor) -> Tensor:
    """SimCLR's loss (Chen et al. 2020) for the chosen rows against all others; two views a photo."""
    logits = views[queries] @ views.T / TEMPERATURE
    logits = logits.masked_fill(F.one_hot(queries, len(views)).bool(), -1e4)
    partner = (photo_of[queries, None] == photo_of[None, :]) & ~F.one_hot(queries, len(views)).bool()
    return F.cross_entropy(logits, partner.int().argmax(1))
