"""What nodes share for speed: counters, hot copies, news. It may vanish at any time; the record is the truth."""
