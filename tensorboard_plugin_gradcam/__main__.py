"""`python -m tensorboard_plugin_gradcam`: the same as `tensorboard-gradcam`."""

import sys

from tensorboard_plugin_gradcam.cli import main

sys.exit(main())
