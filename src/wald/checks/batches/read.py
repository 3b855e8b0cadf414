"""Reading a saved batch: named tensors, from a file or from memory, without running any code that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
import pickle
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor

_TORCH: Final = (".pt", ".pth", ".bin", ".ckpt", ".tar")
_WANTED = "A batch is a dict of tensors: torch.save({'prediction': ..., 'target': ...}, 'batch.pt')."


class BatchError(ValueError):
    """What was given is no batch, or not one of this loss; the message says what was seen and what to save."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Named tensors, in their order.

    Attributes:
        tensors: the tensors; a name that is a number stands for a place in a tuple.
        name: what a report calls it.
        recipe: a line of Python that reads it under the name `batch`; empty where only the caller holds it.
        loss: the value that was saved with it, if one was.
        slope: the gradient that was saved with it, if one was.
    """

    tensors: Mapping[str, Tensor]
    name: str
    recipe: str = ""
    loss: Tensor | None = None
    slope: Tensor | None = None


def read(given: object) -> Batch:
    """The batch in a file, or in a mapping or sequence of tensors, arrays or numbers.

    Args:
        given: a path to what `torch.save` wrote, to a .npz or to a .npy file; or what such a file would hold.

    Raises:
        BatchError: there is no such file, or it holds something else.

    >>> import torch
    >>> from wald.checks.batches import read
    >>> list(read({"logits": torch.zeros(2), "y": torch.ones(2), "loss": 0.7}).tensors)
    ['logits', 'y']
    """
    if isinstance(given, Batch):
        return given
    if not isinstance(given, (str, Path)):
        return _batch(given, name="batch", recipe="")
    path = Path(given)
    if not path.is_file():
        raise BatchError(f"there is no file {str(path)!r}{_nearest_file(path)}. {_WANTED}")
    held, loads = _file(path)
    return _batch(held, name=path.name, recipe=f"import numpy, torch; batch = {loads}")


def _nearest_file(path: Path) -> str:
    if path.is_dir():
        return ": that is a folder"
    beside = [one.name for one in path.parent.iterdir() if one.is_file()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, beside, n=1, cutoff=0.5)
    return f"; the nearest is {str(path.with_name(near[0]))!r}" if near else ""


def _file(path: Path) -> tuple[object, str]:
    where = str(path.resolve())
    if path.suffix in (".npz", ".npy"):
        try:
            found = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            if "pickle" in str(error) or "Object arrays" in str(error):
                told = f"{path} holds Python objects, which are not loaded as they could run code. {_NUMBERS}"
                raise BatchError(told) from None
            raise BatchError(f"{path} cannot be read as {path.suffix[1:]}: {_first_line(error)}") from None
        return (dict(found) if isinstance(found, np.lib.npyio.NpzFile) else found), f"numpy.load({where!r})"
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BatchError(_refused(path, error)) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise BatchError(f"{path} is no file of torch.save: {_first_line(error)} {_WANTED}") from None
    return found, f"torch.load({where!r}, map_location='cpu', weights_only=True)"


_NUMBERS = "Save its arrays under names: numpy.savez('batch.npz', prediction=..., target=...)."


def _refused(path: Path, error: Exception) -> str:
    told = str(error)
    culprit = next((word for word in told.replace("`", " ").split() if "." in word and word[0].isalpha()), "")
    what = told.partition("GLOBAL ")[2].split(" ")[0] or culprit
    if path.suffix not in _TORCH and "GLOBAL" not in told:
        return f"{path} is no file of torch.save. {_WANTED}"
    kind = f" ({what.strip('.,')})" if what else ""
    return f"{path} holds more than tensors{kind}, which is not loaded as it could run code. {_WANTED}"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(".") + "."


def _batch(held: object, *, name: str, recipe: str) -> Batch:
    found = dict(_named(held))
    tensors = {key: x for key, value in found.items() if (x := _tensor(value)) is not None}
    loss, slope = (_taken(tensors, names) for names in (("loss", "loss_value"), ("grad", "gradient", "grads")))
    if not tensors and slope is None:
        kinds = ", ".join(f"{key}: {type(value).__name__}" for key, value in list(found.items())[:5])
        raise BatchError(f"{name} holds no tensor{f' ({kinds})' if kinds else ''}. {_WANTED}")
    return Batch(tensors=tensors, name=name, recipe=recipe, loss=loss, slope=slope)


def _taken(tensors: dict[str, Tensor], names: tuple[str, ...]) -> Tensor | None:
    return next((tensors.pop(name) for name in names if name in tensors), None)


def _named(held: object) -> Iterator[tuple[str, object]]:
    """The entries of a mapping, an inner mapping laid open; the fields of a record; the places of a sequence."""
    if isinstance(held, Mapping):
        for key, value in cast("Mapping[object, object]", held).items():
            if isinstance(value, Mapping):
                yield from _named(value)
            else:
                yield str(key), value
    elif isinstance(held, np.ndarray) and held.dtype.names:
        yield from ((field, held[field]) for field in held.dtype.names)
    elif isinstance(held, (list, tuple)):
        yield from ((str(place), value) for place, value in enumerate(cast("list[object]", held)))
    elif isinstance(held, (Tensor, np.ndarray)):
        yield "0", held
    else:
        raise BatchError(f"a batch cannot be a {type(held).__name__}. {_WANTED}")


def _tensor(value: object) -> Tensor | None:
    """A dense tensor of numbers; nothing for what is none, such as a file name."""
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf":
        return None
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        value = torch.as_tensor(_understood(np.asarray(value)))
    elif isinstance(value, (list, tuple)):
        try:
            value = torch.as_tensor(cast("Any", value))
        except (TypeError, ValueError, RuntimeError):
            return None
    if not isinstance(value, Tensor):
        return None
    value = value.detach()
    return value.dequantize() if value.is_quantized else value.to_dense() if value.layout != torch.strided else value


def _understood(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # A copy, as torch warns of memory that it must not write to, and has no foreign byte orders.
    return np.array(array, dtype=array.dtype.newbyteorder("="))
