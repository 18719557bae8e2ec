"""Named wrong implementations, one module for each assignment.

They are made of the reference by conversion (other statistics in, another scale out), never of the basic
operations that an assignment asks for, so that reading them gives no solution away.
"""
