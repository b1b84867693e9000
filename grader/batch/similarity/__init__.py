"""Find submissions that share more than is to be expected. Works on texts, and knows no people."""
