from max.gpu.host import DeviceContext
from layout import Coord

import extensibility
from extensibility import InputTensor, OutputTensor, foreach


comptime TPB = 15
"""Threads in one block; each computes one output."""
comptime BLOCKS_PER_GRID = (2, 1)
"""Two blocks, so at most 2 * TPB outputs."""


@extensibility.register("conv1d")
struct Conv1DCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        # Both lengths are known when the graph is compiled.
        input_size: Int,
        conv_size: Int,
        dtype: DType = DType.float32,
    ](
        output: OutputTensor[rank=1, static_spec=_],
        input: InputTensor[rank=output.rank, static_spec=_],
        kernel: InputTensor[rank=output.rank, static_spec=_],
        ctx: DeviceContext,
    ) raises:
        var output_tensor = output.to_tile_tensor()
        var input_tensor = input.to_tile_tensor()
        var kernel_tensor = kernel.to_tile_tensor()

        comptime if target == "gpu":
            @parameter
            @always_inline
            def convolve[width: Int](at: Coord) capturing -> SIMD[output.dtype, width]:
                var first = Int(at[0].value())
                var acc = SIMD[output.dtype, width](0)
                comptime for lane in range(width):
                    for j in range(conv_size):
                        if first + lane + j < input_size:
                            acc[lane] += rebind[Scalar[output.dtype]](
                                input.load[1](Coord(first + lane + j))
                            ) * rebind[Scalar[output.dtype]](kernel.load[1](Coord(j)))
                return acc

            foreach[convolve, target=target](output, ctx)

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
