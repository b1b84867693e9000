"""Running a course on GitHub: the steps of the action, and the repositories it starts from."""
