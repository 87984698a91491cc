"""Calls of one model on one server; every fault becomes an EngineError."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ...errors import EngineError
from ...grid import N_POINTS
from ...prediction import SIGNATURE, ModelCard, Outputs
from ._options import TritonOptions
from ._token import Token
from ._transport import Transport

if TYPE_CHECKING:
    from ._shared_memory import SharedRegions

log = logging.getLogger(__name__)

_RETRY = 0.1
"""s between looks at a server that is not ready yet."""
_CARD = "card"
"""Parameter of the model's configuration that holds its card."""


class Client:
    """Used on one event loop only."""

    def __init__(
        self, address: str, model: str, options: TritonOptions, transport: Transport
    ) -> None:
        self.where = f"triton: {model} at {address}"
        self._model = model
        self._version = str(options.version or "")
        self._options = options
        self._transport = transport
        self._token = Token(options.token_file)
        self._outputs = [transport.output_class(name) for name in Outputs.names()]
        self._regions: SharedRegions | None = None

    async def loaded(self, patience: float) -> dict[str, Any]:
        """The model's configuration, once the server has loaded it. Raises EngineError."""
        until = monotonic() + patience
        while True:
            try:
                return await self._configuration()
            except EngineError:
                if monotonic() >= until:
                    raise
            await asyncio.sleep(_RETRY)

    async def _configuration(self) -> dict[str, Any]:
        client, headers = self._transport.client, self._token.headers()
        ready = client.is_model_ready(self._model, self._version, headers=headers)
        if not await self._asked(ready):
            raise EngineError(
                f"{self.where}: not loaded there"
                + (f" in version {self._version}" if self._version else "")
            )
        options = self._transport.config_options()
        answer = await self._asked(
            client.get_model_config(self._model, self._version, headers=headers, **options)
        )
        return self._transport.config_of(answer)

    def card(self, config: dict[str, Any]) -> ModelCard:
        """The operator's card, or the server's own. Raises EngineError."""
        given: Path | None = self._options.card
        text = config.get("parameters", {}).get(_CARD, {}).get("string_value", "")
        if given is None and not text:
            raise EngineError(
                f"{self.where}: its configuration holds no card; pass card=FILE, or export the "
                "model repository again"
            )
        try:
            return ModelCard.read(given) if given else ModelCard.model_validate_json(text)
        except (ValidationError, UnicodeDecodeError) as error:
            raise EngineError(f"{self.where}: unusable model card: {error}") from None

    def check_signature(self, config: dict[str, Any], card: ModelCard) -> None:
        """Raises EngineError naming the first tensor that departs from the network signature."""
        if int(config.get("max_batch_size", 0)) < 1:
            raise EngineError(f"{self.where}: takes no batches; set max_batch_size")
        served = {t["name"]: t for t in [*config.get("input", []), *config.get("output", [])]}
        widths = {name: width or card.embedding_width for name, width in SIGNATURE.items()}
        wanted = {"pattern": N_POINTS} | widths
        for name, width in wanted.items():
            if name not in served:
                raise EngineError(f"{self.where}: no tensor {name}; it has {sorted(served)}")
            found = served[name]["data_type"], [int(size) for size in served[name]["dims"]]
            if found != ("TYPE_FP32", [width]):
                raise EngineError(f"{self.where}: {name} is {found}, expected TYPE_FP32 [{width}]")
        if self._options.shared_memory:
            from ._shared_memory import SharedRegions

            largest = int(config["max_batch_size"])
            self._regions = SharedRegions(self._transport, wanted, largest, self._token)

    async def infer(self, patterns: NDArray[np.float32]) -> Outputs:
        """Outputs for (N, 8192) within the deadline. Raises EngineError."""
        work = self._through_memory if self._regions else self._through_wire
        values = await self._asked(work(np.ascontiguousarray(patterns, dtype=np.float32)))
        try:
            outputs = Outputs(*(values[name] for name in Outputs.names()))
        except (ValueError, KeyError) as error:
            raise EngineError(f"{self.where}: {error}") from None
        if len(outputs) != len(patterns):
            raise EngineError(f"{self.where}: {len(outputs)} answers to {len(patterns)} patterns")
        return outputs

    async def close(self) -> None:
        """Give the regions back and close the connection."""
        if self._regions:
            await self._regions.close()
        await self._transport.client.close()

    async def _through_wire(self, patterns: NDArray[np.float32]) -> dict[str, Any]:
        sent = self._transport.input_class("pattern", list(patterns.shape), "FP32")
        sent.set_data_from_numpy(patterns)
        answer = await self._infer([sent], self._outputs)
        return {name: answer.as_numpy(name) for name in Outputs.names()}

    async def _through_memory(self, patterns: NDArray[np.float32]) -> dict[str, Any]:
        assert self._regions is not None
        async with self._regions.lend() as region:
            await self._infer([region.write(patterns)], region.requested(len(patterns)))
            return region.read(len(patterns))

    async def _infer(self, inputs: list[Any], outputs: list[Any]) -> Any:
        return await self._transport.client.infer(
            self._model,
            inputs,
            model_version=self._version,
            outputs=outputs,
            headers=self._token.headers(),
        )

    async def _asked(self, call: Coroutine[Any, Any, Any]) -> Any:
        """What the server answers in time. Raises EngineError."""
        deadline = self._options.deadline
        try:
            async with asyncio.timeout(deadline):
                return await call
        except TimeoutError:
            raise EngineError(f"{self.where}: no answer within {deadline:g} s") from None
        except (EngineError, asyncio.CancelledError):
            raise
        except Exception as error:  # gRPC's, aiohttp's, the clients' own: no common base
            raise EngineError(f"{self.where}: {error or type(error).__name__}") from error
