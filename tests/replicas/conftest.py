from __future__ import annotations

from tests.bucket.conftest import lake, location, seaweed, shared_seaweed

__all__ = ["lake", "location", "seaweed", "shared_seaweed"]
