"""The scenes: importing this enters every row into the table."""

from faults.scenes import answers, crowds, damage, disks, killing, servers, versions

__all__ = ["answers", "crowds", "damage", "disks", "killing", "servers", "versions"]
