"""From one submission to one record: plan, run, judge, diagnose."""
