# Embedding as two MAX Graph custom ops (MAX 25.4, Mojo 25.4).
#
# Both kernels filled in: each thread finds its batch, its position in the
# sequence and its column, looks the token up and copies one weight. A token
# that is not in the vocabulary gives zeros.

from math import ceildiv
from gpu import block_dim, block_idx, thread_idx
from gpu.host import DeviceBuffer, DeviceContext
from layout import Layout, LayoutTensor
from memory import UnsafePointer

import compiler
from runtime.asyncrt import DeviceContextPtr
from tensor import InputTensor, OutputTensor


alias THREADS_PER_BLOCK = 256
"""Threads in one block of the grid in one dimension."""


fn embedding_kernel_coalesced[
    indices_layout: Layout,
    weights_layout: Layout,
    out_layout: Layout,
    batch_size: Int,
    seq_len: Int,
    vocab_size: Int,
    embed_dim: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[mut=True, dtype, out_layout],
    indices: LayoutTensor[mut=True, DType.int32, indices_layout],
    weights: LayoutTensor[mut=True, dtype, weights_layout],
):
    """Set output[b, s, e] to weights[indices[b, s], e], one thread an element.

    The threads are numbered in the order in which the output lies in memory, so
    neighbours read and write neighbouring columns.
    """
    var global_idx = Int(block_idx.x * block_dim.x + thread_idx.x)
    var total_elements = batch_size * seq_len * embed_dim

    # The last block has more threads than there are elements left.
    if global_idx >= total_elements:
        return

    var batch_idx = global_idx // (seq_len * embed_dim)
    var remaining = global_idx % (seq_len * embed_dim)
    var seq_idx = remaining // embed_dim
    var embed_idx = remaining % embed_dim

    var token_idx = Int(indices[batch_idx, seq_idx])

    # The row of that token; one that is not in the vocabulary has none.
    if token_idx >= 0 and token_idx < vocab_size:
        output[batch_idx, seq_idx, embed_idx] = weights[
            token_idx, embed_idx
        ]
    else:
        output[batch_idx, seq_idx, embed_idx] = 0


fn embedding_kernel_2d[
    indices_layout: Layout,
    weights_layout: Layout,
    out_layout: Layout,
    batch_size: Int,
    seq_len: Int,
    vocab_size: Int,
    embed_dim: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[mut=True, dtype, out_layout],
    indices: LayoutTensor[mut=True, DType.int32, indices_layout],
    weights: LayoutTensor[mut=True, dtype, weights_layout],
):
    """Set output[b, s, e] to weights[indices[b, s], e], on a grid in two dimensions.

    x counts the positions of all sequences, y the columns, so neighbours in x
    read rows that lie far apart: slower, and here to compare with.
    """
    var batch_seq_idx = Int(block_idx.x * block_dim.x + thread_idx.x)
    var embed_idx = Int(block_idx.y * block_dim.y + thread_idx.y)
    var total_positions = batch_size * seq_len

    # Blocks at either edge reach past the end.
    if batch_seq_idx >= total_positions or embed_idx >= embed_dim:
        return

    var batch_idx = batch_seq_idx // seq_len
    var seq_idx = batch_seq_idx % seq_len

    var token_idx = Int(indices[batch_idx, seq_idx])

    # As above: the token's row, or zeros.
    if token_idx >= 0 and token_idx < vocab_size:
        output[batch_idx, seq_idx, embed_idx] = weights[
            token_idx, embed_idx
        ]
    else:
        output[batch_idx, seq_idx, embed_idx] = 0


@compiler.register("embedding")
struct EmbeddingCustomOp:
    @staticmethod
    fn execute[
        target: StaticString,
        # All four are known when the graph is compiled.
        batch_size: Int,
        seq_len: Int,
        vocab_size: Int,
        embed_dim: Int,
    ](
        output: OutputTensor[dtype=DType.float32, rank=3],
        indices: InputTensor[dtype=DType.int32, rank=2],
        weights: InputTensor[dtype=output.dtype, rank=2],
        ctx: DeviceContextPtr,
    ) raises:
        var output_tensor = output.to_layout_tensor()
        var indices_tensor = indices.to_layout_tensor()
        var weights_tensor = weights.to_layout_tensor()
        alias indices_layout = indices_tensor.layout
        alias weights_layout = weights_tensor.layout
        alias out_layout = output_tensor.layout

        @parameter
        if target == "gpu":
            var gpu_ctx = ctx.get_device_context()
            alias total_elements = batch_size * seq_len * embed_dim

            # The output starts as zeros.
            gpu_ctx.enqueue_memset(
                DeviceBuffer[output.dtype](
                    gpu_ctx,
                    rebind[UnsafePointer[Scalar[output_tensor.dtype]]](
                        output_tensor.ptr
                    ),
                    total_elements,
                    owning=False,
                ),
                0,
            )

            # One thread per element, in as many blocks as that takes.
            alias kernel = embedding_kernel_coalesced[
                indices_layout,
                weights_layout,
                out_layout,
                batch_size,
                seq_len,
                vocab_size,
                embed_dim,
                output.dtype,
            ]
            gpu_ctx.enqueue_function[kernel](
                output_tensor,
                indices_tensor,
                weights_tensor,
                grid_dim=(ceildiv(total_elements, THREADS_PER_BLOCK),),
                block_dim=(THREADS_PER_BLOCK,),
            )

        elif target == "cpu":
            # Not part of the puzzle.
            for b in range(batch_size):
                for s in range(seq_len):
                    var token = Int(indices_tensor[b, s])
                    for e in range(embed_dim):
                        if 0 <= token < vocab_size:
                            output_tensor[b, s, e] = weights_tensor[token, e]
                        else:
                            output_tensor[b, s, e] = 0
        else:
            raise Error("Unsupported target: " + target)


@compiler.register("embedding_2d")
struct Embedding2DCustomOp:
    @staticmethod
    fn execute[
        target: StaticString,
        batch_size: Int,
        seq_len: Int,
        vocab_size: Int,
        embed_dim: Int,
    ](
        output: OutputTensor[dtype=DType.float32, rank=3],
        indices: InputTensor[dtype=DType.int32, rank=2],
        weights: InputTensor[dtype=output.dtype, rank=2],
        ctx: DeviceContextPtr,
    ) raises:
        var output_tensor = output.to_layout_tensor()
        var indices_tensor = indices.to_layout_tensor()
        var weights_tensor = weights.to_layout_tensor()
        alias indices_layout = indices_tensor.layout
        alias weights_layout = weights_tensor.layout
        alias out_layout = output_tensor.layout

        @parameter
        if target == "gpu":
            var gpu_ctx = ctx.get_device_context()
            # The output starts as zeros.
            gpu_ctx.enqueue_memset(
                DeviceBuffer[output.dtype](
                    gpu_ctx,
                    rebind[UnsafePointer[Scalar[output_tensor.dtype]]](
                        output_tensor.ptr
                    ),
                    batch_size * seq_len * embed_dim,
                    owning=False,
                ),
                0,
            )

            alias BLOCK_X = 16  # of the positions
            alias BLOCK_Y = 16  # of the columns
            alias kernel = embedding_kernel_2d[
                indices_layout,
                weights_layout,
                out_layout,
                batch_size,
                seq_len,
                vocab_size,
                embed_dim,
                output.dtype,
            ]
            gpu_ctx.enqueue_function[kernel](
                output_tensor,
                indices_tensor,
                weights_tensor,
                grid_dim=(
                    ceildiv(batch_size * seq_len, BLOCK_X),
                    ceildiv(embed_dim, BLOCK_Y),
                ),
                block_dim=(BLOCK_X, BLOCK_Y),
            )

        elif target == "cpu":
            # Not part of the puzzle.
            for b in range(batch_size):
                for s in range(seq_len):
                    var token = Int(indices_tensor[b, s])
                    for e in range(embed_dim):
                        if 0 <= token < vocab_size:
                            output_tensor[b, s, e] = weights_tensor[token, e]
                        else:
                            output_tensor[b, s, e] = 0
        else:
            raise Error("Unsupported target: " + target)
