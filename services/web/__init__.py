"""
The web service: the pages people open.

Owns:      nothing
Consumes:  nothing
Publishes: nothing
"""
