"""Write colorTables.ts from OpenCV's colour maps, after `heatmap.color_table` has changed.

python frontend/src/maths/color_tables.py
"""

import base64
from pathlib import Path

from tensorboard_plugin_gradcam.heatmap import color_table

NAMES = ("inferno", "viridis", "magma", "cividis", "turbo", "jet", "diverging")

lines = [f'  {name}: "{base64.b64encode(color_table(name).tobytes()).decode()}",' for name in NAMES]  # type: ignore[arg-type]
Path(__file__).with_name("colorTables.ts").write_text(
    "/** 256 x RGB in base64, written by color_tables.py from OpenCV's tables. Not to be edited. */\n\n"
    "export const COLOR_TABLES = {\n" + "\n".join(lines) + "\n} as const;\n"
)
