"""The untrusted side: the worker script and the grader's end of its channel."""
