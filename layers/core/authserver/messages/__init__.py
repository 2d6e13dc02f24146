"""What is said, by who says it: requests as they were parsed, and answers before they are rendered.

Requests hide their values in repr: most of them are credentials.
"""
