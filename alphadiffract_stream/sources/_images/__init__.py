"""Detector images in files, integrated as they are read."""

from __future__ import annotations

from ._hdf5 import hdf5_frames
from ._parse import IMAGE_SUFFIXES, frames_in_file, parse_frames

__all__ = ["IMAGE_SUFFIXES", "frames_in_file", "hdf5_frames", "parse_frames"]
