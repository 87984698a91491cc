"""Raw runs whose patterns lie in HDF5 files, as areaDetector and ophyd-async write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from event_model import compose_run

from tests.raw_runs import TWO_THETA, Named, array_key, configuration, data_key, diffraction

DATASET = "/entry/data/data"


def write_hdf5(path: Path, patterns: np.ndarray, dataset: str = DATASET) -> Path:
    with h5py.File(path, "w") as file:
        file[dataset] = patterns
    return path


def write_nxazint1d(path: Path, patterns: np.ndarray, energy: float = 20.0) -> Path:
    """As MAX IV's azint writes it: the radial axis and the energy lie in the file."""
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "data"})
        mono = entry.create_group("monochromator")
        mono.attrs["NX_class"] = "NXmonochromator"
        mono["energy"] = energy
        mono["energy"].attrs["units"] = "keV"
        data = entry.create_group("data")
        axes = [".", "radial_axis"]
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": axes})
        data["I"] = patterns
        data["radial_axis"] = TWO_THETA
        data["radial_axis"].attrs.update({"units": "degree", "long_name": "2theta (degree)"})
    return path


def patterns(count: int) -> np.ndarray:
    return np.array([diffraction(n) for n in range(count)])


class Run:
    """A run whose detector ``det`` writes to a file, and a furnace beside it."""

    def __init__(
        self, *, external: str, with_axis: bool = True, scalars: bool = True, **key: Any
    ) -> None:
        self._run = compose_run(metadata={"scan_id": 7, "plan_name": "count"})
        keys = {"det_intensity": array_key(external=external, **key)}
        keys |= {"temperature": data_key(units="K")} if scalars else {}
        config = {"det": configuration(det_two_theta=(TWO_THETA, "deg"), det_energy=(20.0, "keV"))}
        self._descriptor = self._run.compose_descriptor(
            name="primary",
            data_keys=keys,
            object_keys={
                "det": ["det_intensity"],
                **({"furnace": ["temperature"]} if scalars else {}),
            },
            configuration=config if with_axis else {},
        )
        self._scalars = scalars
        self.opening: list[Named] = [
            ("start", dict(self._run.start_doc)),
            ("descriptor", dict(self._descriptor.descriptor_doc)),
        ]

    def event(self, number: int, **data: Any) -> Named:
        """Number counts from 0."""
        values = {"temperature": 300.0 + number} if self._scalars else {}
        values |= data
        event = self._descriptor.compose_event(
            data=values,
            timestamps=dict.fromkeys(values, 1.5),
            filled=dict.fromkeys(data, False),
            seq_num=number + 1,
            validate=False,
        )
        return "event", dict(event)

    def stop(self) -> Named:
        return "stop", dict(self._run.compose_stop())

    def resource(self, path: Path, spec: str = "AD_HDF5", **kwargs: Any) -> list[Named]:
        """Resource and a function for its datums."""
        bundle = self._run.compose_resource(
            spec=spec,
            root=str(path.parent),
            resource_path=path.name,
            resource_kwargs={"frame_per_point": 1, **kwargs},
        )
        self.compose_datum = bundle.compose_datum
        return [("resource", dict(bundle.resource_doc))]

    def datum(self, number: int) -> Named:
        return "datum", dict(self.compose_datum(datum_kwargs={"point_number": number}))

    def stream_resource(self, uri: str, **parameters: Any) -> list[Named]:
        bundle = self._run.compose_stream_resource(
            mimetype="application/x-hdf5",
            uri=uri,
            data_key="det_intensity",
            parameters={"dataset": DATASET, **parameters},
        )
        self.compose_stream_datum = bundle.compose_stream_datum
        return [("stream_resource", dict(bundle.stream_resource_doc))]

    def stream_datum(self, first: int, last: int) -> Named:
        """Rows `first` … `last` − 1."""
        document = self.compose_stream_datum(
            indices={"start": first, "stop": last},
            seq_nums={"start": first + 1, "stop": last + 1},
            descriptor=self._descriptor.descriptor_doc,
        )
        return "stream_datum", dict(document)


def by_stream(path: Path, count: int, *, uri: str | None = None, **more: Any) -> list[Named]:
    """A step scan of ophyd-async: rows, then the event, point after point."""
    parameters = more.pop("parameters", {})
    run = Run(external="STREAM:", **more)
    documents = run.opening + run.stream_resource(uri or f"file://localhost{path}", **parameters)
    for n in range(count):
        documents += [run.stream_datum(n, n + 1), run.event(n)]
    return [*documents, run.stop()]


def by_datum(path: Path, count: int, **kwargs: Any) -> list[Named]:
    """A step scan of ophyd's areaDetector."""
    run = Run(external="FILESTORE:")
    documents = run.opening + run.resource(path, **kwargs)
    for n in range(count):
        datum = run.datum(n)
        documents += [datum, run.event(n, det_intensity=datum[1]["datum_id"])]
    return [*documents, run.stop()]
