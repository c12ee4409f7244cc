"""Many dumps: find them, judge each in a worker process with limits, keep the results, go on where it stopped."""
