"""The scenes: importing this enters every row into the table."""

from faults.scenes import answers, clocks, crowds, damage, disks, hanging, killing, servers, versions

__all__ = ["answers", "clocks", "crowds", "damage", "disks", "hanging", "killing", "servers", "versions"]
