import numpy as np


def conv1d(x, k):
    return np.array([sum(x[i + j] * k[j] for j in range(len(k)) if i + j < len(x)) for i in range(len(x))])
