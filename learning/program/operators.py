"""The operators that a program may name: pure, deterministic, with shapes that do not follow data.

ATen operators by their overload, as ``torch.export`` writes them, and a few of whole numbers and
tuples. Left out on purpose: whatever writes into its arguments, draws random numbers, reads
strided memory, chooses a device, or has as many outputs as its values say.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import torch


def _words(text: str) -> list[str]:
    return text.split()


_UNARY = _words("""
abs acos alias asin atan bitwise_not ceil clone cos cosh detach erf erfc exp expm1 floor isfinite
isinf isnan log log10 log1p log2 logical_not neg reciprocal relu relu6 round rsqrt selu sigmoid
sign silu sin sinh sqrt square tan tanh mish hardsigmoid hardswish hardtanh log_sigmoid t
""")
_OTHER = _words("""
gelu.default elu.default leaky_relu.default softplus.default celu.default threshold.default
prelu.default glu.default lift_fresh_copy.default positive.default add.Tensor add.Scalar
sub.Tensor sub.Scalar rsub.Tensor rsub.Scalar mul.Tensor mul.Scalar div.Tensor div.Scalar
div.Tensor_mode div.Scalar_mode floor_divide.default true_divide.Tensor remainder.Scalar
remainder.Tensor fmod.Scalar fmod.Tensor pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar
atan2.default maximum.default minimum.default max.other min.other clamp.default clamp.Tensor
clamp_min.default clamp_max.default lerp.Scalar lerp.Tensor addcmul.default addcdiv.default
logaddexp.default xlogy.Tensor eq.Scalar eq.Tensor ne.Scalar ne.Tensor lt.Scalar lt.Tensor
le.Scalar le.Tensor gt.Scalar gt.Tensor ge.Scalar ge.Tensor logical_and.default logical_or.default
logical_xor.default __and__.Tensor __or__.Tensor __xor__.Tensor bitwise_and.Tensor
bitwise_or.Tensor bitwise_xor.Tensor bitwise_and.Scalar bitwise_or.Scalar where.self
where.ScalarOther where.ScalarSelf where.Scalar masked_fill.Scalar masked_fill.Tensor sum.default
sum.dim_IntList mean.default mean.dim prod.default prod.dim_int amax.default amin.default
max.default min.default max.dim min.dim argmax.default argmin.default all.default all.dim
any.default any.dim var.correction var_mean.correction std.correction var.dim std.dim
norm.ScalarOpt_dim linalg_vector_norm.default logsumexp.default cumsum.default cumprod.default
sort.default sort.stable argsort.default argsort.stable topk.default diff.default
count_nonzero.dim_IntList softmax.int _softmax.default log_softmax.int _log_softmax.default
reshape.default flatten.using_ints unflatten.int squeeze.default squeeze.dim squeeze.dims
unsqueeze.default expand.default expand_as.default permute.default transpose.int numpy_T.default
contiguous.default cat.default stack.default split.Tensor split_with_sizes.default chunk.default
unbind.int select.int slice.Tensor narrow.default flip.default roll.default repeat.default
repeat_interleave.self_int movedim.int tril.default triu.default diagonal.default tile.default
constant_pad_nd.default pad.default unfold.default index.Tensor index_select.default
gather.default take_along_dim.default scatter.value scatter.src scatter_add.default
index_add.default one_hot.default embedding.default full.default full_like.default zeros.default
zeros_like.default ones.default ones_like.default arange.default arange.start arange.start_step
scalar_tensor.default new_zeros.default new_ones.default new_full.default eye.default
linspace.default to.dtype _to_copy.default type_as.default linear.default matmul.default
broadcast_tensors.default
mm.default bmm.default addmm.default baddbmm.default mv.default dot.default outer.default
einsum.default bilinear.default cdist.default cosine_similarity.default conv1d.default
conv2d.default conv3d.default conv1d.padding conv2d.padding convolution.default
conv_transpose1d.default conv_transpose2d.input max_pool1d.default max_pool2d.default
avg_pool1d.default avg_pool2d.default adaptive_avg_pool1d.default adaptive_avg_pool2d.default
_adaptive_avg_pool2d.default upsample_nearest2d.vec upsample_bilinear2d.vec pixel_shuffle.default
layer_norm.default native_layer_norm.default group_norm.default rms_norm.default
_native_batch_norm_legit_no_training.default scaled_dot_product_attention.default
cross_entropy_loss.default nll_loss.default nll_loss_nd.default nll_loss2d.default
mse_loss.default l1_loss.default smooth_l1_loss.default huber_loss.default
binary_cross_entropy.default binary_cross_entropy_with_logits.default kl_div.default
poisson_nll_loss.default cosine_embedding_loss.default hinge_embedding_loss.default
margin_ranking_loss.default soft_margin_loss.default
""")
ATTENTION: Final = "aten.scaled_dot_product_attention.default"  # without dropout only
SIZE: Final = "aten.sym_size.int"
PICK: Final = "pick"  # one of an operator's several outputs
WHOLE: Final[Mapping[str, Callable[[int, int], int]]] = {
    "int.add": lambda a, b: a + b,
    "int.sub": lambda a, b: a - b,
    "int.mul": lambda a, b: a * b,
    "int.floordiv": lambda a, b: a // b,
}
ATEN: Final = frozenset(
    [f"aten.{name}.default" for name in _UNARY] + [f"aten.{name}" for name in _OTHER]
)
ALLOWED: Final = ATEN | WHOLE.keys() | {SIZE, PICK}
FACTORIES: Final = frozenset(
    f"aten.{name}"
    for name in _words("""
arange.default arange.start arange.start_step eye.default full.default linspace.default
ones.default scalar_tensor.default zeros.default
""")
)  # what is made of nothing is made on the program's device
PLACEMENT: Final = frozenset({"device", "layout", "pin_memory", "memory_format", "non_blocking"})


@lru_cache(maxsize=1024)
def aten(name: str) -> Callable[..., Any]:
    """The ATen operator ``aten.NAME.OVERLOAD``, which must be one of `ATEN`."""
    _, base, overload = name.split(".")
    operator: Callable[..., Any] = getattr(getattr(torch.ops.aten, base), overload)
    return operator
