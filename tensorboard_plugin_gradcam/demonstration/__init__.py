"""A log in seconds, with nothing but NumPy and Pillow: real maps of a real network that learns drawn pictures."""

from tensorboard_plugin_gradcam.demonstration.log import is_demo, write_demo
from tensorboard_plugin_gradcam.demonstration.serving import serve

__all__ = ["is_demo", "serve", "write_demo"]
