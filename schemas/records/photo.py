"""照片 Photo."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record
from schemas.values import FilePosition, GeoFix


class Photo(Record):
    about: ClassVar[About] = About(
        "photo", "照片", "Photo", "evidence", Audience.SUBJECT, ("dispatcher", "inspector", "party", "sampler"), ()
    )

    sha256: Annotated[str, Spec("文件哈希", "SHA-256")] = Field(pattern=r"^[0-9a-f]{64}$")
    step: Annotated[str, Spec("环节", "Step it proves", codes="photo_step", mark="K")]
    subject_kind: Annotated[str, Spec("拍摄对象类型", "Subject kind", atom="subject", codes="subject_kind")]
    subject_id: Annotated[Id, Spec("拍摄对象", "Subject", atom="subject", ref="*")]
    depth_m: Annotated[Decimal | None, Spec("对应深度", "Depth", unit="m", mark="C")] = Field(
        default=None, ge=0, le=200, decimal_places=2
    )
    taken_at: Annotated[datetime, Spec("拍摄时间", "Taken at")]
    clock_drift_s: Annotated[Decimal | None, Spec("钟差", "Clock drift", unit="s")] = Field(
        default=None, decimal_places=1
    )
    position: Annotated[GeoFix | None, Spec("拍摄位置", "Position", widget="position")] = None
    bearing_deg: Annotated[Decimal | None, Spec("方位角", "Bearing", unit="°", mark="K")] = Field(
        default=None, ge=0, le=360, decimal_places=0
    )
    source: Annotated[str, Spec("照片来源", "Source", codes="photo_source")]
    source_reason: Annotated[str | None, Spec("导入原因", "Reason for import", need="source = file_import")] = Field(
        default=None, max_length=200
    )
    bytes: Annotated[int | None, Spec("文件大小", "Size", unit="byte")] = Field(default=None, ge=1, le=200000000)
    caption: Annotated[str | None, Spec("照片说明", "Caption", merge=Merge.OVERWRITE, mark="C")] = Field(
        default=None, max_length=200
    )
    ghost_of: Annotated[Id | None, Spec("对比原照片", "Compared with", ref="photo")] = None
    file_taken_at: Annotated[datetime | None, Spec("文件拍摄时间", "Taken at, as the file says")] = None
    file_position: Annotated[FilePosition | None, Spec("文件位置", "Position, as the file says")] = None
