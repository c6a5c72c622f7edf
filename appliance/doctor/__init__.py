"""What is wired, what answers, what is wrong and what to do about it.

``parts`` tries each part of the box, ``access`` looks whether this user may, ``jumper`` tests pins and port by a wire
from one to another, ``placing`` tells live whether the box stands well, ``bundle`` is a report without private data.
"""
