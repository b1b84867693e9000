"""What a report says of what is wrong: explains, and never decides."""
