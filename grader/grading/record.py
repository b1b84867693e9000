from grader.record import *  # noqa: F403 - moved; goes when nothing imports it here
