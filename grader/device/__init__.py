"""The software CUDA device: a driver library for MAX, and the process behind it."""
