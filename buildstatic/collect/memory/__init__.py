"""Run a storage's own code on a tree in memory, and take what it makes.

What the storage reads, saves and deletes is in memory, and nothing is written. Code that would look
at the disk itself ends with `tree.NeedsDisk`, before anything is written.
"""
