"""Small networks of many kinds, with random weights, and what is right to find in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim.swa_utils import AveragedModel


class Kind(NamedTuple):
    """A network, its inputs, and which of its layers may be found, with their cells."""

    make: Callable[[], nn.Module]
    inputs: Callable[[], Any]
    layers: str
    grid: tuple[int, ...]


def pictures(height: int = 32, width: int = 48, channels: int = 3) -> Callable[[], Tensor]:
    return lambda: torch.rand(1, channels, height, width)


class Net(nn.Module):
    """A network whose forward is a function of itself and its inputs."""

    def __init__(self, run: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.run = run

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.run(self, *inputs, **named)


def convolutions(colours: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(colours, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 1, 1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU(),
    )  # fmt: skip


def cnn(head: nn.Module | None = None) -> Net:
    return Net(
        lambda net, images: net.head(net.trunk(images).mean((2, 3))),
        trunk=convolutions(),
        head=head or nn.Linear(16, 5),
    )


class Block(nn.Module):
    """A pre-norm block of a transformer, whose attention is written out."""

    def __init__(self, width: int, scale: float = 1.0) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.gain = nn.Parameter(torch.full((width,), scale))

    def forward(self, tokens: Tensor) -> Tensor:
        asked = self.ask(self.first(tokens)).unflatten(2, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = asked.unbind(0)
        seen = torch.softmax(queries @ keys.mT / 4, -1) @ values
        tokens = tokens + self.gain * self.answer(seen.transpose(1, 2).flatten(2))
        return tokens + self.gain * self.think(self.second(tokens))


class Tokens(nn.Module):
    """A transformer: tokens before and behind the patches, the order of the patches, and what is read."""

    def __init__(
        self,
        read: Callable[[Tensor], Tensor],
        before: int = 0,
        behind: int = 0,
        arrange: Callable[[Tensor], Tensor] = lambda cells: cells.flatten(2).mT,
        blocks: nn.Module | None = None,
        patches: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.cut = patches or nn.Conv2d(3, 16, 8, 8)
        self.before = nn.Parameter(torch.randn(1, before, 16))
        self.behind = nn.Parameter(torch.randn(1, behind, 16))
        self.stack = blocks or nn.Sequential(*(Block(16) for _ in range(4)))
        self.out, self.read, self.arrange = nn.Linear(16, 5), read, arrange

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.arrange(self.cut(images))
        around = (self.before.expand(len(tokens), -1, -1), tokens, self.behind.expand(len(tokens), -1, -1))
        return self.out(self.read(self.stack(torch.cat(around, 1))))  # type: ignore[no-any-return]


def mean(tokens: Tensor) -> Tensor:
    return tokens.mean(1)


def first(tokens: Tensor) -> Tensor:
    return tokens[:, 0]


def last(tokens: Tensor) -> Tensor:
    return tokens[:, -1]


def post_norm(batch_first: bool = True) -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first), 3)


class Sequences(nn.Module):
    """Tokens before images: the order of `nn.Transformer` by default."""

    def __init__(self) -> None:
        super().__init__()
        self.cut, self.stack, self.out = nn.Conv2d(3, 16, 8, 8), post_norm(batch_first=False), nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.stack(self.cut(images).flatten(2).permute(2, 0, 1)).mean(0))  # type: ignore[no-any-return]


def unet() -> Net:
    def run(net: Any, images: Tensor) -> Tensor:
        fine = net.a(images).relu()
        middle = net.b(fine).relu()
        coarse = net.c(middle).relu()
        up = net.d(torch.cat([nn.functional.interpolate(coarse, scale_factor=2), middle], 1)).relu()
        return net.e(torch.cat([nn.functional.interpolate(up, scale_factor=2), fine], 1))  # type: ignore[no-any-return]

    return Net(
        run, a=nn.Conv2d(3, 8, 3, padding=1), b=nn.Conv2d(8, 16, 2, 2), c=nn.Conv2d(16, 24, 2, 2),
        d=nn.Conv2d(40, 16, 3, padding=1), e=nn.Conv2d(24, 4, 1),
    )  # fmt: skip


def queries() -> Net:
    """A decoder whose queries read the cells: 24 of them, as many as there are cells."""

    def run(net: Any, images: Tensor) -> Tensor:
        memory = net.encoder(net.cut(images).flatten(2).mT)
        asked = net.asked.expand(len(memory), -1, -1)
        return net.out(net.decoder(asked, memory))  # type: ignore[no-any-return]

    return Net(
        run,
        cut=nn.Conv2d(3, 16, 8, 8),
        encoder=post_norm(),
        asked=nn.Parameter(torch.randn(1, 24, 16)),
        decoder=nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, 32, batch_first=True), 2),
        out=nn.Linear(16, 5),
    )


def folded(net: Any, videos: Tensor) -> Tensor:
    """Frames, or views, go through one network as if they were images."""
    frames = net.trunk(videos.flatten(0, 1))
    return net.head(frames.mean((2, 3)).unflatten(0, videos.shape[:2]).mean(1))  # type: ignore[no-any-return]


def pyramid(net: Any, images: Tensor) -> Tensor:
    fine = net.trunk(images)
    coarse = net.down(fine)
    return torch.cat([net.box(level).flatten(2).mT for level in (fine, coarse)], 1)


def towers(net: Any, pixels: Tensor, words: Tensor) -> Tensor:
    seen, read = net.image(pixels), net.text(net.embed(words)).mean(1)
    return nn.functional.normalize(seen, dim=1) @ nn.functional.normalize(read, dim=1).T * 10


def zeroed(net: Any, name: str) -> Any:
    nn.init.zeros_(net.get_parameter(name))
    return net


def hidden_by_zeros() -> nn.Module:
    model = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], zero_init_residual=True)
    return zeroed(zeroed(model, "fc.weight"), "fc.bias")  # type: ignore[no-any-return]


def small_resnet() -> nn.Module:
    return torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)


def frozen(net: Any, images: Tensor) -> Tensor:
    with torch.no_grad():
        cells = net.trunk(images)
    return net.head(cells.mean((2, 3)))  # type: ignore[no-any-return]


def crnn(net: Any, images: Tensor) -> Tensor:
    cells = net.trunk(images).mean(2)
    return net.head(net.rnn(cells.mT)[0].mean(1))  # type: ignore[no-any-return]


EEG = nn.Sequential


def eeg() -> Net:
    return Net(
        lambda net, signals: net.head(net.trunk(signals).mean((2, 3))),
        trunk=nn.Sequential(nn.Conv2d(1, 32, (1, 7), padding=(0, 3)), nn.ELU(), nn.AvgPool2d((1, 16))),
        head=nn.Linear(32, 4),
    )


def across_electrodes() -> Net:
    return Net(
        lambda net, signals: net.head(net.trunk(signals).mean((2, 3))),
        trunk=nn.Sequential(
            nn.Conv2d(1, 8, (1, 9), padding=(0, 4)), nn.Conv2d(8, 16, (32, 1)), nn.ELU(), nn.AvgPool2d((1, 4)),
            nn.Conv2d(16, 16, (1, 5), padding=(0, 2)),
        ),
        head=nn.Linear(16, 4),
    )  # fmt: skip


def signal_transformer() -> Net:
    return Net(
        lambda net, signals: net.head(net.encoder(net.patches(signals).mT).mean(1)),
        patches=nn.Conv1d(12, 24, 20, 20),
        encoder=nn.TransformerEncoderLayer(24, 4, 48, batch_first=True),
        head=nn.Linear(24, 5),
    )


def channels_last() -> Net:
    return Net(
        lambda net, images: net.head(net.mix(net.trunk(images).permute(0, 2, 3, 1)).mean((1, 2))),
        trunk=convolutions(),
        mix=nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 16), nn.GELU()),
        head=nn.Linear(16, 5),
    )


def around(net: nn.Module) -> Net:
    return Net(lambda outer, *inputs: outer.net(*inputs), net=net)


class Normalize(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.45) / 0.22


def volume() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 6, 3, 1, 1), nn.ReLU(), nn.Conv3d(6, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
        nn.Linear(8, 5),
    )  # fmt: skip


def tubes() -> Tokens:
    return Tokens(
        first,
        before=1,
        arrange=lambda cells: cells.flatten(2).mT,
        patches=nn.Conv3d(3, 16, (2, 8, 8), (2, 8, 8)),
    )


KINDS: dict[str, Kind] = {
    "plain convolutions": Kind(cnn, pictures(), "trunk", (8, 12)),
    "class token, pre-norm": Kind(lambda: Tokens(first, before=1), pictures(), "stack.3.first", (4, 6)),
    "class token, post-norm": Kind(lambda: Tokens(first, 1, blocks=post_norm()), pictures(), "stack.layers.1", (4, 6)),
    "class token behind": Kind(lambda: Tokens(last, behind=1), pictures(), "stack.3.first", (4, 6)),
    "registers behind": Kind(lambda: Tokens(first, 1, 4), pictures(), "stack.3.first", (4, 6)),
    "registers before": Kind(lambda: Tokens(first, 5), pictures(), "stack.3.first", (4, 6)),
    "mean of patches": Kind(lambda: Tokens(mean), pictures(), "stack", (4, 6)),
    "mean of all tokens": Kind(lambda: Tokens(mean, 1, 2), pictures(), "stack", (4, 6)),
    "layer scale of 1e-6": Kind(
        lambda: Tokens(first, 1, blocks=nn.Sequential(*(Block(16, 1e-6) for _ in range(4)))), pictures(),
        "stack.3.first", (4, 6),
    ),
    "columns first": Kind(
        lambda: Tokens(mean, arrange=lambda cells: cells.transpose(2, 3).flatten(2).mT), pictures(), "stack", (4, 6)
    ),
    "sequence first": Kind(Sequences, pictures(), "stack", (4, 6)),
    "patches that do not tile": Kind(
        lambda: Tokens(first, 1, patches=nn.Conv2d(3, 16, 7, 5)), pictures(33, 50), "stack.3.first", (6, 9)
    ),
    "patches of 4 x 16": Kind(
        lambda: Tokens(first, 1, patches=nn.Conv2d(3, 16, (4, 16), (4, 16))), pictures(32, 64), "stack.3.first", (8, 4)
    ),
    "windows": Kind(
        lambda: torchvision.models.SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=5),
        pictures(64, 96), "norm", (8, 12),
    ),
    "channels last": Kind(channels_last, pictures(), "mix", (8, 12)),
    "object queries": Kind(queries, pictures(), "encoder", (4, 6)),
    "anisotropic pooling": Kind(eeg, pictures(32, 128, 1), "trunk", (32, 8)),
    "across the electrodes": Kind(across_electrodes, pictures(32, 128, 1), "trunk", (1, 32)),
    "signal, convolutions": Kind(
        lambda: nn.Sequential(
            nn.Conv1d(4, 8, 5, 2, 2), nn.ReLU(), nn.Conv1d(8, 12, 5, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool1d(1),
            nn.Flatten(), nn.Linear(12, 5),
        ),
        lambda: torch.randn(1, 4, 200), "2", (50,),
    ),
    "signal, transformer": Kind(signal_transformer, lambda: torch.randn(1, 12, 1000), "encoder", (50,)),
    "volume": Kind(volume, lambda: torch.randn(1, 1, 12, 16, 20), "2", (6, 8, 10)),
    "video, tubes of 3-D": Kind(tubes, lambda: torch.rand(1, 3, 8, 32, 40), "stack.3.first", (4, 4, 5)),
    "video, frames folded": Kind(
        lambda: Net(folded, trunk=convolutions(), head=nn.Linear(16, 5)), lambda: torch.rand(1, 6, 3, 32, 48),
        "trunk", (6, 8, 12),
    ),
    "video, folded tokens": Kind(
        lambda: Net(
            lambda net, videos: net.vit(videos.flatten(0, 1)).unflatten(0, videos.shape[:2]).mean(1),
            vit=Tokens(first, 1),
        ),
        lambda: torch.rand(1, 6, 3, 32, 48), "vit.stack.3.first", (6, 4, 6),
    ),
    "U-Net": Kind(unet, pictures(), "c", (8, 12)),
    "dense tokens": Kind(
        lambda: Net(
            lambda net, images: net.out(net.vit.stack(net.vit.arrange(net.vit.cut(images)))).mT.unflatten(2, (4, 6)),
            vit=Tokens(mean), out=nn.Linear(16, 5),
        ),
        pictures(), "vit.stack", (4, 6),
    ),
    "pyramid of boxes": Kind(
        lambda: Net(pyramid, trunk=convolutions(), down=nn.Conv2d(16, 16, 3, 2, 1), box=nn.Conv2d(16, 4, 1)),
        pictures(), "trunk", (8, 12),
    ),
    "scores as a convolution": Kind(
        lambda: nn.Sequential(convolutions(), nn.Conv2d(16, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        pictures(), "0", (8, 12),
    ),
    "critic of one cell": Kind(
        lambda: nn.Sequential(
            spectral_norm(nn.Conv2d(3, 16, 4, 2, 1)), nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(16, 32, 4, 2, 1)),
            nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(32, 1, 8)), nn.Flatten(),
        ),
        pictures(32, 32), "2", (8, 8),
    ),
    "critic of patches": Kind(
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(16, 1, 3, 1, 1),
        ),
        pictures(), "2", (8, 12),
    ),
    "residual, last stage of one cell": Kind(small_resnet, pictures(32, 32), "layer3", (2, 2)),
    "zero head and last norms": Kind(hidden_by_zeros, pictures(64, 96), "layer4", (2, 3)),
    "frozen trunk": Kind(
        lambda: Net(frozen, trunk=convolutions(), head=nn.Linear(16, 5)), pictures(), "trunk", (8, 12)
    ),
    "recurrent head": Kind(
        lambda: Net(
            crnn, trunk=convolutions(), rnn=nn.GRU(16, 16, batch_first=True), head=nn.Linear(16, 5)
        ),
        pictures(), "trunk", (8, 12),
    ),
    "within a module": Kind(lambda: around(cnn()), pictures(), "net.trunk", (8, 12)),
    "within a normalisation": Kind(
        lambda: nn.Sequential(Normalize(), small_resnet()), pictures(64, 96), "1.layer4", (2, 3)
    ),
    "moving average": Kind(lambda: AveragedModel(cnn()), pictures(), "module.trunk", (8, 12)),
    "fx graph": Kind(
        lambda: torch.fx.symbolic_trace(small_resnet()), pictures(64, 96), "layer4.0.relu#2", (2, 3)
    ),
    "two towers": Kind(
        lambda: Net(
            towers, image=Tokens(first, 1), embed=nn.Embedding(50, 16), text=nn.Sequential(Block(16), nn.Linear(16, 5))
        ),
        lambda: (torch.rand(1, 3, 32, 48), torch.randint(0, 50, (3, 24))), "image.stack.3.first", (4, 6),
    ),
    "pair of images": Kind(
        lambda: Net(
            lambda net, one, other: net.head(net.trunk(one).mean((2, 3)) - net.trunk(other).mean((2, 3))),
            trunk=convolutions(), head=nn.Linear(16, 5),
        ),
        lambda: (torch.rand(1, 3, 32, 48), torch.rand(1, 3, 32, 48)), "trunk#1", (8, 12),
    ),
    "pair in one batch": Kind(
        lambda: Net(
            lambda net, one, other: net.head(
                torch.sub(*net.trunk(torch.cat([one, other])).mean((2, 3)).chunk(2))
            ),
            trunk=convolutions(), head=nn.Linear(16, 5),
        ),
        lambda: (torch.rand(1, 3, 32, 48), torch.rand(1, 3, 32, 48)), "trunk", (8, 12),
    ),
    "two scales": Kind(
        lambda: Net(
            lambda net, images: net.head(
                net.trunk(images).mean((2, 3)) + net.trunk(nn.functional.avg_pool2d(images, 2)).mean((2, 3))
            ),
            trunk=convolutions(),
            head=nn.Linear(16, 5),
        ),
        pictures(),
        "trunk#2",
        (4, 6),
    ),
    "bytes": Kind(
        lambda: Net(lambda net, pixels: net.cnn(pixels.float() / 255), cnn=cnn()),
        lambda: torch.randint(0, 256, (1, 3, 32, 48), dtype=torch.uint8), "cnn.trunk", (8, 12),
    ),
    "bfloat16": Kind(
        lambda: cnn().bfloat16(), lambda: torch.rand(1, 3, 32, 48, dtype=torch.bfloat16), "trunk", (8, 12)
    ),
    "a constant image": Kind(cnn, lambda: torch.full((1, 3, 32, 48), 0.5), "trunk", (8, 12)),
    "mixer": Kind(
        lambda: Tokens(
            mean,
            blocks=nn.Sequential(
                *(Net(lambda net, tokens: tokens + net.mix(tokens.mT).mT, mix=nn.Linear(24, 24)) for _ in range(3))
            ),
        ),
        pictures(), "stack", (4, 6),
    ),
}  # fmt: skip
