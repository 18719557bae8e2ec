"""The names that plain code may use (`plain`): of Python's builtins, of libraries, and of attributes.

All of them are lists of what is allowed, short enough to be read. Left out on purpose is whatever takes the
name of an attribute or of a module as a text, makes classes, trusts an address, reads or writes files, keeps
what it is given for later, changes what others use, or takes an operation apart.
"""

import builtins
import functools
import importlib
import re
import sys
from types import ModuleType
from typing import Any

import numpy as np
import torch


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions of torch that tensors do not have as a method as well.
_TORCH = """
arange as_tensor atleast_1d atleast_2d atleast_3d avg_pool1d batch_norm binomial block_diag
broadcast_shapes broadcast_tensors bucketize cartesian_prod cat cdist chain_matmul column_stack combinations
complex concat concatenate constant_pad_nd conv1d conv2d conv3d cosine_similarity dropout dstack einsum empty
empty_like equal eye from_numpy full full_like gradient hstack instance_norm isin kl_div layer_norm linspace
logspace meshgrid normal ones ones_like pairwise_distance poisson
promote_types rand rand_like randint randint_like randn randn_like randperm result_type rms_norm rsub
scalar_tensor searchsorted stack std_mean tensor tensordot threshold trapezoid tril_indices triu_indices
vander var_mean view_as_complex view_as_real vstack zeros zeros_like
is_tensor is_floating_point is_grad_enabled get_default_dtype set_default_dtype set_printoptions
manual_seed initial_seed seed get_rng_state set_num_threads get_num_threads
Tensor Size Generator device finfo iinfo dtype no_grad enable_grad set_grad_enabled inference_mode
__version__
"""
_NUMPY = """
array asarray ascontiguousarray zeros ones full empty zeros_like ones_like full_like empty_like arange
linspace logspace geomspace eye identity diag tri tril triu mean var std sum prod cumsum cumprod max min amax
amin argmax argmin argsort sort any all where clip stack concatenate hstack vstack dstack column_stack split
array_split pad reshape transpose moveaxis swapaxes expand_dims squeeze broadcast_to broadcast_arrays tile
repeat meshgrid dot outer inner einsum tensordot take take_along_axis nonzero argwhere flatnonzero unique
allclose array_equal isclose ravel flip fliplr flipud roll round copy average median quantile percentile
nanmean nanvar nanstd nansum nanmax nanmin histogram bincount diff cov corrcoef convolve correlate
searchsorted digitize isin trace kron cross ndim shape size newaxis pi e inf nan finfo iinfo ndarray
count_nonzero atleast_1d atleast_2d atleast_3d trapezoid interp vander result_type isscalar
iscomplexobj isrealobj
"""
# What else may be used of which module.
_ONLY = {
    "torch": _TORCH,
    "numpy": _NUMPY,
    "torch.nn": (
        "Module Parameter Linear Conv1d Conv2d ReLU LeakyReLU GELU Sigmoid Tanh Softmax LogSoftmax "
        "Sequential ModuleList Flatten MaxPool2d AvgPool2d AdaptiveAvgPool2d Identity Dropout Dropout2d "
        "BatchNorm1d BatchNorm2d LayerNorm GroupNorm InstanceNorm2d LocalResponseNorm CrossEntropyLoss "
        "NLLLoss MSELoss L1Loss"
    ),
    "torch.nn.functional": (
        "adaptive_avg_pool2d avg_pool1d avg_pool2d avg_pool3d batch_norm binary_cross_entropy conv1d conv2d "
        "conv3d cosine_similarity cross_entropy dropout dropout2d fold gelu grid_sample "
        "affine_grid group_norm instance_norm interpolate kl_div l1_loss layer_norm leaky_relu linear "
        "local_response_norm log_softmax logsigmoid max_pool2d mse_loss nll_loss "
        "normalize one_hot pad relu rms_norm sigmoid silu smooth_l1_loss softmax softplus tanh unfold"
    ),
    "torch.linalg": "norm vector_norm matrix_norm inv solve det svd eigh qr",
    "torch.special": (
        "entr erf erfc expit exp2 expm1 log1p log_ndtr log_softmax logit logsumexp ndtr ndtri round softmax "
        "xlog1py xlogy"
    ),
    "torch.fft": "fft ifft rfft irfft fft2 ifft2 fftn ifftn fftfreq rfftfreq fftshift ifftshift",
    "torch.autograd": "Function grad backward no_grad enable_grad set_grad_enabled inference_mode Variable",
    "torch.autograd.function": "Function once_differentiable",
    "torch.cuda": "is_available device_count synchronize manual_seed manual_seed_all empty_cache",
    "torch.testing": "assert_close",
    "torch.distributions": "Bernoulli Uniform",
    "numpy.random": (
        "default_rng seed rand randn random random_sample normal standard_normal uniform binomial choice "
        "permutation shuffle randint"
    ),
    "numpy.linalg": "norm inv solve det svd eigh qr",
    "math": (
        "ceil comb copysign cos degrees dist e erf erfc exp exp2 expm1 fabs factorial floor fmod frexp fsum "
        "gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm ldexp lgamma log log10 log1p "
        "log2 modf nan perm pi pow prod radians remainder sin sqrt tan tanh tau trunc"
    ),
    "cmath": "exp log pi sqrt",
    "itertools": (
        "accumulate chain combinations combinations_with_replacement count cycle groupby islice pairwise "
        "permutations product repeat starmap zip_longest"
    ),
    "time": "time perf_counter monotonic process_time sleep",
    "random": "random randint uniform gauss choice choices sample shuffle seed",
    "functools": "partial reduce cache lru_cache wraps",
    "collections": "defaultdict Counter deque namedtuple",
    "contextlib": "nullcontext suppress",
    "dataclasses": "dataclass field",
    "enum": "Enum IntEnum auto",
    "abc": "ABC abstractmethod",
    "fractions": "Fraction",
    "decimal": "Decimal",
    "numbers": "Number Real Integral",
    "statistics": "mean median stdev pstdev variance pvariance",
    "logging": "debug info warning error",
    "operator": "add sub mul truediv floordiv mod pow neg matmul eq ne lt le gt ge",
    "scipy.special": "softmax log_softmax logsumexp xlogy expit",
    "sys": "maxsize float_info stderr stdout",
    "collections.abc": "Callable Generator Iterable Iterator Mapping Sequence",
    "typing": (
        "Any Callable Optional Union List Tuple Dict Set Sequence Iterable Iterator Mapping Generator Final "
        "Literal NamedTuple"
    ),
    "warnings": "warn filterwarnings simplefilter",
    "__future__": "annotations",
    "cnnlab.check": "check",
}
# Those that stand in one kind of place only; `plain` says in which.
ANNOTATIONS = frozenset(f"{m}.{name}" for m in ("typing", "collections.abc") for name in _ONLY[m].split())
BASES = _words(
    "object torch.nn.Module torch.autograd.Function torch.autograd.function.Function typing.NamedTuple "
    "enum.Enum enum.IntEnum abc.ABC"
)
ASKED_ABOUT = _words(
    "numpy.ndarray numbers.Number numbers.Real numbers.Integral torch.dtype enum.Enum "
    "enum.IntEnum abc.ABC torch.autograd.Function torch.autograd.function.Function"
)
DECORATORS = _words("functools.wraps dataclasses.dataclass")
BUILTINS = _words(
    "abs all any ascii bin bool callable chr classmethod complex dict divmod enumerate filter float "
    "format frozenset hasattr hash hex int isinstance issubclass iter len list map max min next object "
    "oct ord pow print property range repr reversed round set slice sorted staticmethod str sum super tuple "
    "zip NotImplemented display input dir"
)
# Of these the rules take for granted what they mean.
UNTOUCHABLE = _words(
    "classmethod isinstance issubclass object print property staticmethod super type display"
)
# Their `**options` name a dtype, a device, whether there is a gradient.
FACTORIES = frozenset(
    f"torch.{name}"
    for name in _words(
        "arange empty empty_like eye full full_like linspace logspace ones ones_like rand rand_like randint "
        "randint_like randn randn_like randperm tensor as_tensor zeros zeros_like"
    )
)
# How many arguments may come without a name, where a further one is not to be given.
MOST_ARGUMENTS = {"torch.nn.MaxPool2d": 3, "torch.nn.functional.max_pool2d": 3}
NOT_GIVEN = _words("extra exc_info file module memo cdata")  # as keywords
# Of a window with gaps no place may lie in the input: PyTorch writes its gradient beyond the end.
NOT_GIVEN_TO = dict.fromkeys(("torch.nn.MaxPool2d", "torch.nn.functional.max_pool2d"), _words("dilation"))
OF_IPYTHON = _words("get_ipython In Out exit quit _ih _oh _dh")  # there from the start, whatever binds them
# Not those that C code asks for in the middle of something, or that get whatever stands beside an operator.
METHODS = _words("__init__ __post_init__ __call__")
# What leads into frames, functions and generators, to memory, to files, to what is kept for later. A class of
# one's own may define none of it either: whatever it has, everything may be asked for. An array's base is the
# tensor that holds its memory; strides that change in place are not counted as carefully as those of a view.
_FURTHER = re.compile(
    r"_.*|(gi|cr|ag|f|tb|co|func)_.*|obj|mro|setter|deleter|with_traceback|throw|close|send"
    r"|format(_map)?|encode|decode|to_?(file|bytes)|dumps?|ctypes|(set|get)field|setflags|byteswap"
    r"|(.*_)?(sparse|coo|csr|csc|bsr|bsc|mkldnn|padded_tensor|dlpack)(_.*)?|newbyteorder"
    r"|.*(_indices|storage|ptr|hooks?)(_.*)?"
    r"|coalesce|set_|set_to|resize\w*|set_state|apply_|map2?_|as_subclass|module_load|reinforce|share_memory_?"
    r"|pin_memory|record_stream|grad_fn|next_functions|unsafe_.*|q_.*|.*quantize.*|arg_constraints"
    r"|base|as_strided_|flags|bytes|compile|load\w*|register\w*|set_submodule|add_module|state_dict|bit_generator|cffi|cdata|new|f(get|set|del)"
    r"|torch|numpy|sys"
)
_TEXTS = _words("__name__ __doc__ _replace _asdict")  # and copies of a named tuple
# The methods of tensors; with a `_` behind it, each is also allowed in place, where there is that. Without
# `histc`, which counts beyond its end when a number of bins has more digits than the dtype.
_OF_TENSORS = """
H T mH mT abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr adjoint all allclose amax amin
aminmax angle any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort argwhere
as_strided asin asinh atan atan2 atanh backward baddbmm bernoulli bfloat16 bincount bitwise_and
bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm bool broadcast_to byte ceil
chunk clamp clamp_max clamp_min clip clone conj contiguous copy_ copysign corrcoef cos cosh count_nonzero
cov cpu cross cuda cummax cummin cumprod cumsum data deg2rad det detach device diag diag_embed diagflat
diagonal diff digamma dim dist div divide dot double dsplit dtype element_size eq equal erf erfc erfinv exp
exp2 expand expand_as expm1 exponential_ fill_ fill_diagonal_ fix flatten flip fliplr flipud float
float_power floor floor_divide fmax fmin fmod frac frexp gather gcd ge get_device grad greater greater_equal
gt half hardshrink heaviside hsplit hypot imag index_add index_copy index_fill index_put index_select
indices inner int inverse is_complex is_contiguous is_cpu is_cuda is_floating_point is_leaf is_nonzero
is_same_size is_signed isclose isfinite isinf isnan isneginf isposinf isreal item itemsize kron kthvalue
layout lcm ldexp le lerp less less_equal lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2
logcumsumexp logdet logical_and logical_not logical_or logical_xor logit logsumexp long lt masked_fill
masked_scatter masked_select matmul matrix_exp matrix_power max maximum mean median min minimum mm mode
moveaxis movedim msort mul multinomial multiply mv nan_to_num nanmean nanmedian nanquantile nansum narrow
nbytes ndim ndimension ne neg negative nelement new_empty new_full new_ones new_tensor new_zeros nonzero
norm normal_ not_equal numel outer permute pinverse polygamma positive pow prelu prod quantile rad2deg
random_ ravel real reciprocal relu remainder renorm repeat repeat_interleave requires_grad reshape
reshape_as retain_grad roll rot90 round rsqrt scatter scatter_add scatter_reduce select select_scatter sgn
shape short sigmoid sign signbit sin sinc sinh size slice_scatter slogdet softmax sort split
split_with_sizes sqrt square squeeze std stride sub subtract sum sum_to_size svd swapaxes swapdims t take
take_along_dim tan tanh tensor_split tile to tolist topk trace transpose tril triu true_divide trunc type
type_as unbind unflatten unfold uniform_ unique unique_consecutive unsqueeze values var vdot view view_as
vsplit where xlogy zero_ requires_grad_
"""
_OF_ARRAYS = """
T all any argmax argmin argpartition argsort as_integer_ratio astype bits clip conj copy cumprod cumsum
data diagonal dot dtype eps fill flat flatten imag is_integer item itemsize kind max mean min name nbytes
ndim nonzero partition prod ravel real repeat reshape resolution round searchsorted shape size
smallest_normal sort squeeze std strides sum swapaxes take tiny tolist trace transpose var view accumulate
outer reduce
"""
_OF_RANDOM_GENERATORS = """
manual_seed initial_seed seed get_state device binomial choice exponential integers normal permutation
permuted random shuffle standard_normal uniform
"""
_OF_NETWORKS = """
apply buffers children eval extra_repr forward modules named_buffers named_children named_modules
named_parameters parameters train training zero_grad weight bias running_mean running_var epsilon
"""
_OF_AUTOGRAD = """
apply mark_non_differentiable needs_input_grad save_for_backward saved_tensors set_materialize_grads
"""
_OF_CONTAINERS = "sample args cache_clear cache_info most_common popleft appendleft value"
_PYTHONS = (str, int, float, complex, list, tuple, dict, set, slice, range)
_IN_PLACE = frozenset(f"{name}_" for name in _words(_OF_TENSORS)) & frozenset(dir(torch.Tensor))
_ATTRIBUTES = _IN_PLACE.union(
    _words(_OF_TENSORS + _OF_ARRAYS + _OF_RANDOM_GENERATORS + _OF_NETWORKS + _OF_AUTOGRAD + _OF_CONTAINERS),
    *map(dir, _PYTHONS),
)


# What modules have: a class of one's own may use such names on itself, and not on everything.
_OF_MODULES = (
    (sys.stdlib_module_names | _words("np nn F sp plt"))
    .union(dir(torch), dir(np), dir(builtins), dir(torch.nn.functional))
    .difference(_ATTRIBUTES, BUILTINS)
)
OF_VIEWS = frozenset(dir(memoryview))


def is_of_modules(attribute: str) -> bool:
    """Whether a module may have it, so that it leads from one to the next."""
    return attribute in _OF_MODULES


def leads_further(attribute: str) -> bool:
    """Whether an attribute may lead to something that is not plain, whatever has it."""
    return attribute not in _TEXTS and _FURTHER.fullmatch(attribute) is not None


def is_attribute(name: str) -> bool:
    """Whether numbers, texts, containers, tensors, arrays or modules have an attribute that is plain."""
    return name in _TEXTS or (name in _ATTRIBUTES and not leads_further(name))


def is_module(full: str) -> bool:
    """Whether a dotted name is a module of which something is plain."""
    return full in _ONLY or full in ("scipy", "cnnlab")


@functools.cache
def is_listed(full: str) -> bool:
    """Whether a dotted name is something of a library that plain code may use."""
    module, _, name = full.rpartition(".")
    if module not in _ONLY:
        return False
    if name in _ONLY[module].split():
        return True
    found = getattr(importlib.import_module(module), name, None) if module in ("torch", "numpy") else None
    if module == "torch":
        values = isinstance(found, torch.dtype | torch.memory_format | float) or name == "strided"
        return values or (name in _METHODS_OF_TORCH and not leads_further(name))
    numbers = isinstance(found, type) and issubclass(found, np.number | np.bool_)
    return isinstance(found, np.ufunc | float) or numbers


# Functions whose method is on the list; what a newer PyTorch brings is not.
_METHODS_OF_TORCH = frozenset(dir(torch._C._VariableFunctions)) & (_words(_OF_TENSORS) | _IN_PLACE)


@functools.cache
def is_class(full: str) -> bool:
    """Whether a dotted name on the list is a class with more to it than a number has."""
    module, _, name = full.rpartition(".")
    if module.startswith("scipy"):
        return False
    found: Any = getattr(importlib.import_module(module), name, None)
    numbers = isinstance(found, type) and issubclass(found, np.generic)
    return (isinstance(found, type) and not numbers) or isinstance(found, ModuleType)
