"""
Operators' side of every service: adjustments, audit, trial balance, in-flight monitor,
reconciliation, republishing.
"""
