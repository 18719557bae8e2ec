"""Calls and answers as bytes: JSON for what is short, safetensors for tensors. Never pickle.

`serve` runs where the student's code runs; `Remote` is the judge's transport on the other side. What comes
back from there is data from a stranger: everything is checked, nothing in it is executed.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

import torch
from safetensors import SafetensorError, TensorSpec, serialize
from safetensors.torch import load

from cnnlab.check.transport import Answer, Gradient, Local
from cnnlab.check.values import LARGEST_TENSOR, Argument, Foreign, Handle, Layout, Malformed
from cnnlab.check.watch import Ban

LARGEST_ANSWER = LARGEST_TENSOR  # bytes
LONGEST_TEXT = 2000  # characters of an error or a name
MOST_ITEMS = 1000  # in a tuple or a list
LONGEST_JSON = 1 << 20  # bytes of a message that are no tensors
WIDEST_INT = 64  # bits
DEEPEST = 8  # tuples and lists within one another
LAYOUTS = get_args(Layout)
_HEAD = struct.Struct("<Q")


def whole(text: str) -> str:
    """The text with a question mark for each half of a character, which no file could hold."""
    return text.encode("utf-8", "replace").decode()


@dataclass
class Packer:
    """Turns values into JSON and collects their tensors."""

    tensors: dict[str, torch.Tensor] = field(default_factory=dict)

    def pack(self, value: Any) -> Any:
        """The value as JSON; raises `TypeError` for what has no place in a call or an answer."""
        match value:
            case Argument(tensor, layout):
                return {"argument": self._store(tensor), "layout": layout}
            case torch.Tensor():
                return {"tensor": self._store(value)}
            case Handle(key):
                return {"handle": key}
            case Foreign(type_name):
                return {"foreign": type_name[:LONGEST_TEXT]}
            case tuple():
                return [self.pack(part) for part in value[:MOST_ITEMS]]
            case list():
                return {"list": [self.pack(part) for part in value[:MOST_ITEMS]]}
            case int() if value.bit_length() > WIDEST_INT:
                return {"foreign": "int"}
            case None | bool() | int() | float():
                return value
        raise TypeError(f"{type(value).__name__} cannot be sent")

    def message(self, content: dict[str, Any]) -> bytes:
        text = json.dumps(content).encode()
        return b"".join((_HEAD.pack(len(text)), text, serialize(self._described())))

    def _store(self, tensor: torch.Tensor) -> str:
        name = str(len(self.tensors))
        self.tensors[name] = tensor.detach().to("cpu").contiguous()
        return name

    def _described(self) -> dict[str, TensorSpec]:
        """What `safetensors.torch.save` makes of them by way of numpy, in ten times the time."""
        return {
            name: TensorSpec(
                dtype=str(tensor.dtype).removeprefix("torch."),
                shape=tensor.shape,
                data_ptr=tensor.data_ptr(),
                data_len=tensor.nbytes,
            )
            for name, tensor in self.tensors.items()
        }


class Unpacker:
    """Reads one message.

    Raises:
        Malformed: on whatever is not as `Packer` makes it.
    """

    def __init__(self, data: bytes) -> None:
        try:
            (length,) = _HEAD.unpack_from(data)
            if length > LONGEST_JSON:
                raise Malformed("not a message: too long")
            self.content = json.loads(data[_HEAD.size : _HEAD.size + length])
            self.tensors = load(data[_HEAD.size + length :])
        except Malformed:
            raise
        except (struct.error, ValueError, RecursionError, SafetensorError, KeyError, RuntimeError) as error:
            raise Malformed(f"not a message: {type(error).__name__}") from error
        if not isinstance(self.content, dict):
            raise Malformed("not a message: no fields")

    def unpack(self, value: Any, deepest: int = DEEPEST) -> Any:
        """The value that `Packer.pack` has made JSON of."""
        match value:
            case int() if value.bit_length() > WIDEST_INT:
                raise Malformed("not a value: an integer of too many digits")
            case None | bool() | int() | float():
                return value
            case list(parts) if len(parts) <= MOST_ITEMS and deepest:
                return tuple(self.unpack(part, deepest - 1) for part in parts)
            case {"list": list(parts)} if len(parts) <= MOST_ITEMS and deepest:
                return [self.unpack(part, deepest - 1) for part in parts]
            case {"argument": str(name), "layout": str(how)} if how in LAYOUTS:
                return Argument(self._tensor(name), cast(Layout, how))
            case {"tensor": str(name)}:
                return self._tensor(name)
            case {"handle": int(key)} if key.bit_length() <= WIDEST_INT:
                return Handle(key)
            case {"foreign": str(name)} if len(name) <= LONGEST_TEXT:
                return Foreign(whole(name))
        raise Malformed("not a value")

    def texts(self, name: str) -> list[str]:
        found = self.content.get(name)
        if not isinstance(found, list) or len(found) > MOST_ITEMS:
            raise Malformed(f"no list of {name}")
        return [_text(part) for part in found]

    def _tensor(self, name: str) -> torch.Tensor:
        """Each is there for one value: a thousand values of one tensor would be sent on as a thousand."""
        if name not in self.tensors:
            raise Malformed("a tensor is missing")
        return self.tensors.pop(name)


def serve(data: bytes, namespace: Mapping[str, Any], kept: list[Any], settle: Callable[[Ban], None]) -> bytes:
    """Do on the student's side what a message asks for; the answer's message.

    Args:
        data: a message of `Remote`.
        namespace: where the student's functions are found by name.
        kept: values that stay on this side; their place in the list is their handle.
        settle: puts global state, which other code may have changed, into its usual condition, and makes
            ready to watch for what is banned.
    """
    asked, packer = Unpacker(data), Packer()
    content = asked.content
    ban = Ban(*content["ban"])
    local = Local(namespace, ban, kept)
    match content["ask"]:
        case "lacking":
            return packer.message({"lacking": local.lacking(content["function"])})
        case "generator":
            handle = local.generator(content["seed"], torch.device(content["device"]))
            return packer.message({"value": packer.pack(handle)})
    settle(ban)
    gradient = content["gradient"]
    answer = local.call(
        content["function"],
        asked.unpack(content["args"]),
        {name: asked.unpack(value) for name, value in content["kwargs"].items()},
        opaque=content["opaque"],
        gradient=gradient and Gradient(gradient[0], asked.unpack(gradient[1])),
        again=content["again"],
    )
    fields = {
        "error": answer.error and answer.error[:LONGEST_TEXT],
        "unimplemented": answer.unimplemented,
        "changed": answer.changed[:MOST_ITEMS],
        "banned": answer.banned[:MOST_ITEMS],
    }
    try:
        return packer.message({"value": packer.pack(answer.value), **fields})
    except (SafetensorError, TypeError):  # a dtype that the format does not know
        kind = Foreign(f"{type(answer.value).__name__} of an unusual dtype")
        return Packer().message({"value": Packer().pack(kind), **fields})


class Remote:
    """The judge's transport to functions that run elsewhere; see `cnnlab.check.transport.Local`.

    Args:
        exchange: sends a message and returns the one that comes back; raises when none does.
        ban: what the functions must do without.
    """

    def __init__(self, exchange: Callable[[bytes], bytes], ban: Ban) -> None:
        self.exchange, self.ban = exchange, (ban.operations, ban.autograd)

    def lacking(self, function: str) -> str | None:
        """What is the matter with the function; None when there is one. `Malformed` when nobody can say."""
        found = self._ask(Packer(), ask="lacking", function=function).content.get("lacking")
        return None if found is None else _text(found)

    def generator(self, seed: int, device: torch.device) -> Handle:
        """A new generator on the student's side; raises `Malformed` when none comes."""
        reply = self._ask(Packer(), ask="generator", seed=seed, device=str(device))
        handle = reply.unpack(reply.content.get("value"))
        if not isinstance(handle, Handle):
            raise Malformed("no handle")
        return handle

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        opaque: Sequence[int] = (),
        gradient: Gradient | None = None,
        again: bool = False,
    ) -> Answer:
        """Call a function; bytes that are no answer count as an error of the function."""
        packer = Packer()
        content = {
            "ask": "call",
            "function": function,
            "args": [packer.pack(value) for value in args],
            "kwargs": {name: packer.pack(value) for name, value in kwargs.items()},
            "opaque": list(opaque),
            "gradient": gradient and [gradient.argument, packer.pack(gradient.grad_y)],
            "again": again,
        }
        try:
            reply = self._ask(packer, **content)
            error = reply.content.get("error")
            return Answer(
                reply.unpack(reply.content.get("value")),
                None if error is None else _text(error),
                reply.content.get("unimplemented") is True,
                reply.texts("changed"),
                reply.texts("banned"),
            )
        except Malformed as error:
            return Answer(error=f"what it sent back cannot be read ({error})")

    def _ask(self, packer: Packer, **content: Any) -> Unpacker:
        data = self.exchange(packer.message({**content, "ban": self.ban}))
        if len(data) > LARGEST_ANSWER:
            raise Malformed(f"an answer of more than {LARGEST_ANSWER >> 20} MiB")
        return Unpacker(data)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise Malformed("not a text")
    return whole(value)
