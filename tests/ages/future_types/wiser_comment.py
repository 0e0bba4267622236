"""A known record type with a field more."""

from typing import Annotated, ClassVar

from schemas.fields import About, Spec
from schemas.records.comment import Comment


class WiserComment(Comment):
    about: ClassVar[About] = Comment.about

    mood: Annotated[str | None, Spec("心情", "Mood")] = None
