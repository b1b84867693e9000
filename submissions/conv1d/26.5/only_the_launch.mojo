comptime conv1d = conv1d_kernel[
    type_of(output_tensor).LayoutType,
    type_of(input_tensor).LayoutType,
    type_of(kernel_tensor).LayoutType,
    input_size,
    conv_size,
    dtype,
]
ctx.enqueue_function[conv1d](
    output_tensor,
    input_tensor,
    kernel_tensor,
    grid_dim=BLOCKS_PER_GRID,
    block_dim=(TPB, 1),
)
