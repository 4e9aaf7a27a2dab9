"""The program that reads what stands on a worker's pictures, and makes their thumbnails.

``core.adapters.ocr_pool`` starts it. It runs at the lowest priority, on one thread, without a network: RapidOCR's
models lie in its wheel. Where Tesseract is asked for, it runs under the same limits and ends with this process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from core.adapters import limited_child
from core.adapters.child_process import die_with_parent
from core.adapters.image_decoder import checked_type, decoded
from core.adapters.tesseract import command_for, lines_of
from core.adapters.visual_embedder import on_white
from core.domain.media import THUMBNAIL_SIDE

READING_SIDE = 960  # pixels: what is small beyond that is small print. A picture takes 0.4 s of one core, with 1280 0.7
_THUMBNAIL_QUALITY = 78
_NICENESS = 19
_TESSERACT_SECONDS = 20

Engine = Callable[[Any], Any]
Line = dict[str, Any]  # text, confidence in [0, 1], box (x0, y0, x1, y1 in [0, 1]), reader


def read(file: BinaryIO, asked: str, max_pixels: int) -> bytes:
    """One line of JSON, then the thumbnail's bytes. ``asked`` is the JSON of ``ocr_pool.OcrPool``."""
    with decoded(file, checked_type(file), max_pixels=max_pixels, side=READING_SIDE) as picture:
        image = on_white(picture.image)
        image.thumbnail((READING_SIDE, READING_SIDE))
    tesseract = json.loads(asked)
    lines = list(_by_rapidocr(image))
    if tesseract:
        lines += _by_tesseract(image, tesseract["program"], tesseract["languages"])
    said = {"width": picture.width, "height": picture.height, "lines": lines}
    return json.dumps(said).encode() + b"\n" + _thumbnail(image)


def _by_rapidocr(image: Image.Image) -> Iterator[Line]:
    found = _engine()(np.asarray(image)[:, :, ::-1])  # it wants blue first
    if found.txts is None:
        return
    for text, confidence, corners in zip(found.txts, found.scores, found.boxes, strict=True):
        xs, ys = np.asarray(corners).T
        box = (xs.min() / image.width, ys.min() / image.height, xs.max() / image.width, ys.max() / image.height)
        yield {"text": text, "confidence": float(confidence), "box": _within(box), "reader": "rapidocr"}


def _by_tesseract(image: Image.Image, program: str, languages: str) -> list[Line]:
    """It is handed plain pixels: no file from outside reaches its own decoders."""
    pixels = BytesIO()
    image.convert("L").save(pixels, "PPM")
    try:
        done = subprocess.run(  # noqa: S603 - a program the worker has found
            command_for(program, languages),
            input=pixels.getvalue(),
            capture_output=True,
            timeout=_TESSERACT_SECONDS,
            env={"OMP_THREAD_LIMIT": "1", "LANG": "C.UTF-8"},
            preexec_fn=die_with_parent(signal.SIGKILL),
            check=True,
        )
    except (subprocess.SubprocessError, OSError):  # the picture has what the first reader found
        return []
    lines = lines_of(done.stdout.decode("utf-8", "replace"), image.width, image.height)
    return [line | {"box": _within(line["box"])} for line in lines]


def _within(box: tuple[float, float, float, float]) -> list[float]:
    return [round(min(max(float(edge), 0.0), 1.0), 4) for edge in box]


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    stream = BytesIO()
    small.save(stream, "WEBP", quality=_THUMBNAIL_QUALITY, method=2)
    return stream.getvalue()


@cache
def _engine() -> Engine:
    """RapidOCR over the models of its wheel, named one by one: what isn't there is an error, never a download."""
    import cv2
    import rapidocr

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,  # core.ai.on_screen_text decides what is text
            "Global.use_cls": False,  # it turns lines upside down that stand upright, on four of a hundred pictures
            "Global.max_side_len": READING_SIDE,
            "Det.limit_type": "max",
            "Det.limit_side_len": READING_SIDE,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


if __name__ == "__main__":
    os.nice(_NICENESS)
    _engine()  # before the worker's first file, whose time is limited
    limited_child.serve(read)
