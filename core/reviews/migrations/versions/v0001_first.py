"""The first tables of reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "pictures",
        sa.Column("digest", sa.String(length=40), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pictures")),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("second", sa.Text(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("revoked_at_s", sa.Double(), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.String(length=40), nullable=False),
        sa.Column("post", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("first_text", sa.Text(), nullable=False),
        sa.Column("second_text", sa.Text(), nullable=False),
        sa.Column("first_shown", sa.Text(), nullable=False),
        sa.Column("second_shown", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_items_review_id_reviews")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.UniqueConstraint("review_id", "post", name=op.f("uq_items_review_id_post")),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("review_id", sa.String(length=40), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("expires_at_s", sa.Double(), nullable=False),
        sa.Column("revoked_at_s", sa.Double(), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_links_review_id_reviews")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_table(
        "reviewers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("cookie", sa.String(length=40), nullable=False),
        sa.Column("joined_at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_reviewers_review_id_reviews")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewers")),
        sa.UniqueConstraint("cookie", name=op.f("uq_reviewers_cookie")),
        sa.UniqueConstraint("review_id", "name_key", name=op.f("uq_reviewers_review_id_name_key")),
    )
    op.create_table(
        "item_pictures",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=40), nullable=False),
        sa.Column("alt_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["pictures.digest"], name=op.f("fk_item_pictures_digest_pictures")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_item_pictures_item_id_items")),
        sa.PrimaryKeyConstraint("item_id", "number", name=op.f("pk_item_pictures")),
    )
    op.create_table(
        "password_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.String(length=40), nullable=False),
        sa.Column("client", sa.String(length=40), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name=op.f("fk_password_attempts_link_id_links")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_attempts")),
    )
    op.create_index(op.f("ix_password_attempts_link_id"), "password_attempts", ["link_id"], unique=False)
    op.create_table(
        "showings",
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_showings_item_id_items")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["reviewers.id"], name=op.f("fk_showings_reviewer_id_reviewers")),
        sa.PrimaryKeyConstraint("reviewer_id", "item_id", name=op.f("pk_showings")),
        sa.UniqueConstraint("reviewer_id", "place", name=op.f("uq_showings_reviewer_id_place")),
    )
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(length=12), nullable=True),
        sa.Column("skip", sa.String(length=16), nullable=True),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.CheckConstraint("choice IN ('left', 'right', 'tie', 'both_bad')", name=op.f("ck_votes_choice")),
        sa.CheckConstraint("skip IN ('skipped', 'could_not_load')", name=op.f("ck_votes_skip")),
        sa.CheckConstraint("(choice IS NULL) <> (skip IS NULL)", name=op.f("ck_votes_choice_or_skip")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_votes_item_id_items")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["reviewers.id"], name=op.f("fk_votes_reviewer_id_reviewers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
        sa.UniqueConstraint("reviewer_id", "item_id", name=op.f("uq_votes_reviewer_id_item_id")),
    )
    op.create_index(op.f("ix_votes_item_id"), "votes", ["item_id"], unique=False)
    op.create_table(
        "ratings",
        sa.Column("vote_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("scale", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.CheckConstraint("scale IN ('relevance', 'mood', 'correctness')", name=op.f("ck_ratings_scale")),
        sa.CheckConstraint("side IN ('left', 'right')", name=op.f("ck_ratings_side")),
        sa.CheckConstraint("value BETWEEN 0 AND 5", name=op.f("ck_ratings_value")),
        sa.ForeignKeyConstraint(["vote_id"], ["votes.id"], name=op.f("fk_ratings_vote_id_votes")),
        sa.PrimaryKeyConstraint("vote_id", "side", "scale", name=op.f("pk_ratings")),
    )
    op.create_table(
        "replaced_votes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vote_id", sa.Integer(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["vote_id"], ["votes.id"], name=op.f("fk_replaced_votes_vote_id_votes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replaced_votes")),
    )
    op.create_index(op.f("ix_replaced_votes_vote_id"), "replaced_votes", ["vote_id"], unique=False)
