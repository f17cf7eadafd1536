"""Mistakes that people make: a type checker has to find each line that ends in `# mistake`. Never run."""

# ruff: noqa: B018

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tensorboard_plugin_gradcam import CAM, GradCAMLogger, add_gradcam, heatmap, prepare_samples, read_gradcam

model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
writer = SummaryWriter("runs")
x, y = torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 0, 1])
maps = np.ones((4, 8, 8))

CAM(model, layers=42)  # mistake
CAM(model, methods=3.14)  # mistake
CAM(model, methods="grad_camm")  # mistake
CAM(model, target_layers=["0"])  # mistake
cam = CAM(model)
cam(x, targets="cat")  # mistake
cam(x, target=3)  # mistake
cam(x, 0.5)  # mistake
cam("picture.png")  # mistake
cam(x).masks("grad_cam")  # mistake
cam(x).masks(fusion="sum")  # mistake
cam(x).heatmaps  # mistake
GradCAMLogger(model, writer)  # mistake
GradCAMLogger(3, model)  # mistake
GradCAMLogger(writer, model, precision="int4")  # mistake
GradCAMLogger(writer, model, image_format="gif")  # mistake
GradCAMLogger(writer, model, every=0.5)  # mistake
GradCAMLogger(writer, model, distributed="gathr")  # mistake
GradCAMLogger(writer, model, on_error="ignore")  # mistake
GradCAMLogger(writer, model, class_names=3)  # mistake
logger = GradCAMLogger(writer, model)
logger.probe("val", x, lables=y)  # mistake
logger.probe("val", x, targets="labels")  # mistake
logger.probe(x, "val")  # mistake
logger.probe("val", x).log("3")  # mistake
logger.log("val", x)  # mistake
logger.log("val", x, 0, boxes_in="pixel")  # mistake
logger.add("val", x, x, 3)  # mistake
logger.add("val", x, cam(x), 0.5)  # mistake
logger.add("val", x, cam(x), 3, max_samples="many")  # mistake
add_gradcam(writer, "val", x, maps, 0, kind="postive")  # mistake
add_gradcam(writer, "val", x, maps, step=0)  # mistake
add_gradcam(writer, "val", x, maps, 0, dataformats="banana")  # mistake
add_gradcam(writer, "val", x, maps, None)  # mistake
prepare_samples(x, boxes_in="percent")  # mistake
heatmap.overlay(np.zeros((8, 8, 3), np.uint8), maps[0], colormap="jett")  # mistake
read_gradcam(3)  # mistake
