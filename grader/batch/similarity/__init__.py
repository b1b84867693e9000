"""Submissions that share more than the skeleton and the class explain. Knows texts, not people."""
