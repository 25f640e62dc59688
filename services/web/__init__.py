"""
The web service: the pages people open.

Owns:      nothing
Hears:     nothing
Announces: nothing
"""
