"""What each command does, as functions that any Python program can call.

Values in, values out: nothing here prints, asks or exits. What happens along the way goes to a
`Reporter`; failures are the classes of `buildstatic.errors`. The documented interface is in
``docs/reference/api.md``.
"""
