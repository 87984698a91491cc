"""Print what the ophyd-async device reads, as JSON. Argument: prefix."""

import asyncio
import json
import sys

from alphadiffract_stream.epics import AlphaDiffractEpicsAsync


async def main() -> None:
    device = AlphaDiffractEpicsAsync(sys.argv[1], name="ad")
    await device.connect(timeout=20)
    read = await device.read()
    table = await device.space_group_table.get_value()  # type: ignore[attr-defined]
    print(
        json.dumps(
            {
                "read": {name: reading["value"] for name, reading in read.items()},
                "describe": await device.describe(),
                "hints": device.hints["fields"],
                "severity": read["ad-lattice_a"]["alarm_severity"],
                "table": {"number": table.number, "symbol": list(table.symbol)},
            },
            default=lambda array: array.tolist(),
        )
    )


asyncio.run(main())
