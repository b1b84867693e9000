"""The Mojo compiler and MAX: where they are, and how a submission is packaged."""
